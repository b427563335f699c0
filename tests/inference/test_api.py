import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from chatbot.accounts.models import Scope
from chatbot.contracts import keys
from chatbot.inference.circuits import OpenedBy, Opening, encoded_places, place_id
from chatbot.inference.models import ModelKind
from tests.factories.accounts import make_api_key, make_user
from tests.factories.inference import make_endpoint, make_model

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis.from_url(os.environ["REDIS_URL"]) as client:
        yield client


class TestModels:
    def test_lists_chat_models(self, client: "Client") -> None:
        client.force_login(make_user())
        served = make_endpoint(
            make_model(name="A", is_default=True, price_prompt="10", price_completion="0.25")
        ).model
        make_model(name="B")
        make_model(kind=ModelKind.EMBEDDING)

        body = client.get("/api/v1/models").json()

        assert body["count"] == 2
        assert body["results"][0] == {
            "id": str(served.pk),
            "name": "A",
            "kind": "chat",
            "notes": "",
            "context_tokens": 8192,
            "prompt_tokens": 6000,
            "output_tokens": 1024,
            "price_prompt": "10",
            "price_completion": "0.25",
            "is_default": True,
            "is_available": True,
        }
        assert body["results"][1]["is_available"] is False

    def test_shows_which_are_away_with_all_of_their_servers(
        self, client: "Client", redis: Redis
    ) -> None:
        client.force_login(make_user())
        half, none, lost = (make_model(name=name) for name in ("A", "B", "C"))
        away = [make_endpoint(half), make_endpoint(none), make_endpoint(none), make_endpoint(lost)]
        make_endpoint(half)
        make_endpoint(lost, is_draining=True)
        for endpoint in away:
            opening = Opening(time.time(), OpenedBy.CHECK, "inference-gone")
            redis.set(keys.endpoint_circuit(endpoint.pk), opening.encoded(), ex=60)

        body = client.get("/api/v1/models").json()

        shown = {model["name"]: model["is_available"] for model in body["results"]}
        assert shown == {"A": True, "B": False, "C": False}

    def test_shows_a_model_with_one_of_its_addresses_as_available(
        self, client: "Client", redis: Redis
    ) -> None:
        client.force_login(make_user())
        endpoint = make_endpoint()
        addresses = {one: place_id(endpoint.pk, one) for one in ("10.0.0.7", "10.0.0.8")}
        redis.set(keys.endpoint_places(endpoint.pk), encoded_places(addresses), ex=60)
        opening = Opening(time.time(), OpenedBy.CHECK, "inference-gone").encoded()
        redis.set(keys.endpoint_circuit(addresses["10.0.0.7"]), opening, ex=60)

        one_left = client.get("/api/v1/models").json()["results"][0]["is_available"]
        redis.set(keys.endpoint_circuit(addresses["10.0.0.8"]), opening, ex=60)
        none_left = client.get("/api/v1/models").json()["results"][0]["is_available"]

        assert (one_left, none_left) == (True, False)

    def test_is_for_people_who_signed_in(self, client: "Client") -> None:
        assert client.get("/api/v1/models").status_code == 401

    def test_takes_a_key_that_may_chat(self, client: "Client") -> None:
        _, key = make_api_key(make_user(), Scope.CHAT)

        response = client.get("/api/v1/models", headers={"authorization": f"Bearer {key}"})

        assert response.status_code == 200
