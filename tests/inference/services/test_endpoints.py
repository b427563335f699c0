import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from chatbot.contracts.errors import InvalidInput, NotFound
from chatbot.inference.addresses import normalised_base_url
from chatbot.inference.api_keys import decrypted
from chatbot.inference.models import InferenceModel, ModelKind
from chatbot.inference.services import (
    check_endpoint,
    make_default,
    set_api_key,
    set_draining,
    set_writes_titles,
)
from tests.factories.inference import make_embedding_endpoint, make_endpoint, make_model
from tests.fakes.scripted_server import running_scripted_server

if TYPE_CHECKING:
    from pytest_django import Settings

    from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.django_db


class TestSetApiKey:
    def test_stores_it_encrypted(self) -> None:
        endpoint = make_endpoint()

        set_api_key(endpoint_id=endpoint.pk, api_key="sesame")

        endpoint.refresh_from_db()
        assert b"sesame" not in bytes(endpoint.encrypted_api_key)
        assert decrypted(endpoint.encrypted_api_key) == "sesame"

    def test_forgets_it(self) -> None:
        endpoint = make_endpoint(api_key="sesame")

        set_api_key(endpoint_id=endpoint.pk, api_key="")

        endpoint.refresh_from_db()
        assert bytes(endpoint.encrypted_api_key) == b""

    def test_knows_only_endpoints(self) -> None:
        with pytest.raises(NotFound):
            set_api_key(endpoint_id=uuid.uuid4(), api_key="sesame")


class TestSetDraining:
    @pytest.mark.parametrize("is_draining", [True, False])
    def test_keeps_questions_away_or_lets_them_in(self, *, is_draining: bool) -> None:
        endpoint = make_endpoint(is_draining=not is_draining)

        set_draining(endpoint_id=endpoint.pk, is_draining=is_draining)

        endpoint.refresh_from_db()
        assert endpoint.is_draining is is_draining

    def test_knows_only_endpoints(self) -> None:
        with pytest.raises(NotFound):
            set_draining(endpoint_id=uuid.uuid4(), is_draining=True)


class TestCheckEndpoint:
    def test_finds_a_chat_server_well(self, scripted_server: "ScriptedServer") -> None:
        endpoint = make_endpoint(base_url=scripted_server.base_url)

        check = check_endpoint(endpoint_id=endpoint.pk)

        endpoint.refresh_from_db()
        assert check.is_healthy
        assert endpoint.is_healthy is True
        assert endpoint.checked_at is not None
        assert endpoint.check_detail.startswith("serves scripted, can continue an answer; ")

    @pytest.mark.parametrize("protocol", ["kserve-http", "kserve-grpc"])
    def test_finds_a_model_loaded(self, scripted_server: "ScriptedServer", protocol: str) -> None:
        address = normalised_base_url(scripted_server.address_for(protocol), protocol)
        endpoint = make_endpoint(base_url=address, protocol=protocol)

        check = check_endpoint(endpoint_id=endpoint.pk)

        assert check.detail.startswith("serves scripted; ")

    @pytest.mark.parametrize("protocol", ["kserve-http", "kserve-grpc"])
    def test_says_that_a_model_is_not_loaded(
        self, scripted_server: "ScriptedServer", protocol: str
    ) -> None:
        address = normalised_base_url(scripted_server.address_for(protocol), protocol)
        endpoint = make_endpoint(base_url=address, protocol=protocol)
        scripted_server.script(error_status=503, error_message="loading")

        check = check_endpoint(endpoint_id=endpoint.pk)

        assert not check.is_healthy
        assert "still loading its model" in check.detail

    def test_finds_an_embedding_server_well(self, scripted_server: "ScriptedServer") -> None:
        endpoint = make_embedding_endpoint(base_url=scripted_server.base_url)

        check = check_endpoint(endpoint_id=endpoint.pk)

        assert check.is_healthy
        assert check.detail.startswith("embeds in 384 dimensions; ")

    def test_says_that_nobody_is_there(self) -> None:
        endpoint = make_endpoint(base_url="http://127.0.0.1:1/v1")

        check = check_endpoint(endpoint_id=endpoint.pk)

        endpoint.refresh_from_db()
        assert endpoint.is_healthy is False
        assert "can't be reached" in check.detail

    def test_says_that_the_key_is_wrong(self) -> None:
        with running_scripted_server("--api-key", "sesame") as server:
            endpoint = make_endpoint(base_url=server.base_url, api_key="open-barley")
            check = check_endpoint(endpoint_id=endpoint.pk)

        assert not check.is_healthy
        assert "doesn't accept our API key" in check.detail
        assert "open-barley" not in check.detail

    def test_says_that_the_key_is_unreadable(
        self, settings: "Settings", scripted_server: "ScriptedServer"
    ) -> None:
        endpoint = make_endpoint(base_url=scripted_server.base_url, api_key="sesame")
        settings.SECRET_KEY = "another-secret-" * 4

        check = check_endpoint(endpoint_id=endpoint.pk)

        assert not check.is_healthy
        assert "SECRET_KEY has changed" in check.detail

    def test_says_what_else_the_server_serves(self) -> None:
        with running_scripted_server("--owned-by", "vllm") as server:
            endpoint = make_endpoint(base_url=server.base_url, upstream_model="llama")
            check = check_endpoint(endpoint_id=endpoint.pk)

        assert not check.is_healthy
        assert "has no llama; it serves scripted, scripted-embedding" in check.detail

    def test_knows_only_endpoints(self) -> None:
        with pytest.raises(NotFound):
            check_endpoint(endpoint_id=uuid.uuid4())


class TestMakeDefault:
    def test_leaves_one_default_of_each_kind(self) -> None:
        before = make_model(is_default=True)
        other_kind = make_model(kind=ModelKind.EMBEDDING, is_default=True)
        chosen = make_model()

        make_default(model_id=chosen.pk)

        for model in (before, other_kind, chosen):
            model.refresh_from_db()
        assert (before.is_default, other_kind.is_default, chosen.is_default) == (False, True, True)

    def test_knows_only_models(self) -> None:
        with pytest.raises(NotFound):
            make_default(model_id=uuid.uuid4())


class TestSetWritesTitles:
    def test_leaves_one_that_writes(self) -> None:
        before, now = make_model(writes_titles=True), make_model()

        set_writes_titles(model_id=now.pk, writes=True)

        assert list(InferenceModel.objects.filter(writes_titles=True)) == [now]
        before.refresh_from_db()
        assert not before.writes_titles

    def test_ends_it(self) -> None:
        model = make_model(writes_titles=True)

        set_writes_titles(model_id=model.pk, writes=False)

        assert not InferenceModel.objects.filter(writes_titles=True).exists()

    def test_refuses_what_can_not_write(self) -> None:
        model = make_model(kind=ModelKind.EMBEDDING)

        with pytest.raises(InvalidInput, match="chat model"):
            set_writes_titles(model_id=model.pk, writes=True)

    def test_knows_only_models(self) -> None:
        with pytest.raises(NotFound):
            set_writes_titles(model_id=uuid.uuid4(), writes=True)


def _title_writer(model_id: uuid.UUID) -> None:
    set_writes_titles(model_id=model_id, writes=True)


def _default(model_id: uuid.UUID) -> None:
    make_default(model_id=model_id)


@pytest.mark.django_db(transaction=True)
class TestTwoAdministrators:
    @pytest.mark.parametrize(
        ("choose", "chosen"),
        [
            pytest.param(_default, "is_default", id="default"),
            pytest.param(_title_writer, "writes_titles", id="titles"),
        ],
    )
    def test_choose_at_once(self, choose: Callable[[uuid.UUID], None], chosen: str) -> None:
        models = [make_model() for _ in range(2)]
        at_once = Barrier(len(models))

        def choose_over_and_over(model: InferenceModel) -> None:
            try:
                for _ in range(20):
                    at_once.wait(10)
                    choose(model.pk)
            finally:
                connection.close()

        with ThreadPoolExecutor(len(models)) as threads:
            list(threads.map(choose_over_and_over, models))

        assert InferenceModel.objects.filter(**{chosen: True}).count() == 1
