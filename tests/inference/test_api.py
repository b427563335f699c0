from typing import TYPE_CHECKING

import pytest

from chatbot.accounts.models import Scope
from chatbot.inference.models import ModelKind
from tests.factories.accounts import make_api_key, make_user
from tests.factories.inference import make_endpoint, make_model

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


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

    def test_is_for_people_who_signed_in(self, client: "Client") -> None:
        assert client.get("/api/v1/models").status_code == 401

    def test_takes_a_key_that_may_chat(self, client: "Client") -> None:
        _, key = make_api_key(make_user(), Scope.CHAT)

        response = client.get("/api/v1/models", headers={"authorization": f"Bearer {key}"})

        assert response.status_code == 200
