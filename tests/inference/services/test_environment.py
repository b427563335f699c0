import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from chatbot.contracts.errors import InvalidInput
from chatbot.inference.api_keys import decrypted
from chatbot.inference.connectors.errors import ServerGone
from chatbot.inference.models import Discovery, InferenceEndpoint, InferenceModel, ModelKind, Source
from chatbot.inference.selectors import default_chat_model, embedding_endpoint
from chatbot.inference.services import sync_environment_endpoints
from chatbot.inference.services.environment import nice_name
from tests.factories.inference import make_endpoint, make_model
from tests.fakes.scripted_server import running_scripted_server
from tests.servers import free_port

if TYPE_CHECKING:
    from pytest_django import Settings

    from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.django_db

Environment = Callable[..., None]


@pytest.fixture
def environment(settings: "Settings") -> Environment:
    """Sets the addresses, keys and model names of the environment; empty at first."""

    def set_environment(
        *, chat: str = "", embedding: str = "", model: str = "", api_key: str = ""
    ) -> None:
        settings.CHAT_SERVER = replace(settings.CHAT_SERVER, url=chat, model=model, api_key=api_key)
        settings.EMBEDDING_SERVER = replace(settings.EMBEDDING_SERVER, url=embedding, model="")

    set_environment()
    return set_environment


def rows() -> list[tuple[str, str, str, str]]:
    found = InferenceEndpoint.objects.order_by("model__kind", "upstream_model")
    return [(row.model.name, row.base_url, row.upstream_model, row.source) for row in found]


class TestSyncEnvironmentEndpoints:
    def test_makes_rows_of_what_the_servers_serve(
        self, environment: Environment, scripted_server: "ScriptedServer"
    ) -> None:
        base_url = scripted_server.base_url
        environment(chat=base_url, embedding=base_url)

        endpoints = sync_environment_endpoints()

        assert rows() == [
            ("scripted", base_url, "scripted", Source.ENVIRONMENT),
            ("scripted-embedding", base_url, "scripted-embedding", Source.ENVIRONMENT),
        ]
        assert [endpoint.model.kind for endpoint in endpoints] == [
            ModelKind.CHAT,
            ModelKind.EMBEDDING,
        ]
        assert default_chat_model() == endpoints[0].model
        assert embedding_endpoint() == endpoints[1]

    def test_changes_nothing_the_second_time(
        self, environment: Environment, scripted_server: "ScriptedServer"
    ) -> None:
        environment(chat=scripted_server.base_url, api_key="sesame")
        sync_environment_endpoints()
        before = list(InferenceEndpoint.objects.values())

        sync_environment_endpoints()

        assert list(InferenceEndpoint.objects.values()) == before

    def test_takes_the_named_model_without_asking(self, environment: Environment) -> None:
        environment(chat="http://127.0.0.1:1", model="org/Some-Model-7B")

        sync_environment_endpoints()

        assert rows() == [
            ("Some-Model-7B", "http://127.0.0.1:1/v1", "org/Some-Model-7B", Source.ENVIRONMENT)
        ]

    def test_waits_for_a_server_that_is_starting(self, environment: Environment) -> None:
        port = free_port()
        environment(chat=f"http://127.0.0.1:{port}")
        late = threading.Event()

        def start_late() -> None:
            late.wait(0.5)
            with running_scripted_server(port=port):
                late.wait(20)

        with ThreadPoolExecutor() as pool:
            pool.submit(start_late)
            endpoints = sync_environment_endpoints(wait_seconds=20)
            late.set()

        assert endpoints[0].upstream_model == "scripted"

    def test_gives_up_on_a_server_that_never_comes(self, environment: Environment) -> None:
        environment(chat="http://127.0.0.1:1")

        with pytest.raises(ServerGone):
            sync_environment_endpoints(wait_seconds=0)

    def test_remembers_what_a_server_served_when_it_is_away(self, environment: Environment) -> None:
        with running_scripted_server() as server:
            environment(chat=server.base_url)
            before = sync_environment_endpoints()

        assert sync_environment_endpoints(wait_seconds=0) == before

    def test_removes_rows_whose_variable_is_gone(
        self, environment: Environment, scripted_server: "ScriptedServer"
    ) -> None:
        mine = make_endpoint()
        environment(chat=scripted_server.base_url)
        sync_environment_endpoints()
        environment()

        assert sync_environment_endpoints() == []
        assert list(InferenceEndpoint.objects.all()) == [mine]

    def test_replaces_the_row_when_the_address_changes(self, environment: Environment) -> None:
        environment(chat="http://one", model="m")
        sync_environment_endpoints()
        environment(chat="http://two", model="m")

        sync_environment_endpoints()

        assert rows() == [("m", "http://two/v1", "m", Source.ENVIRONMENT)]

    def test_keeps_the_name_an_administrator_gave(self, environment: Environment) -> None:
        environment(chat="http://one", model="m")
        sync_environment_endpoints()
        InferenceModel.objects.update(name="Our model")

        sync_environment_endpoints()

        assert [name for name, *_ in rows()] == ["Our model"]

    def test_keeps_the_default_an_administrator_chose(self, environment: Environment) -> None:
        chosen = make_endpoint(make_model(is_default=True)).model
        environment(chat="http://one", model="m")

        sync_environment_endpoints()

        assert default_chat_model() == chosen

    def test_replaces_a_default_that_nobody_serves(self, environment: Environment) -> None:
        make_model(is_default=True)
        environment(chat="http://one", model="m")

        endpoints = sync_environment_endpoints()

        assert InferenceModel.objects.get(is_default=True) == endpoints[0].model

    def test_stores_the_key_encrypted(self, environment: Environment) -> None:
        environment(chat="http://one", model="m", api_key="sesame")

        stored = sync_environment_endpoints()[0].encrypted_api_key

        assert decrypted(stored) == "sesame"

    def test_takes_limits_from_the_environment(
        self, environment: Environment, settings: "Settings"
    ) -> None:
        environment(chat="http://one", model="m")
        settings.CHAT_CONTEXT_TOKENS, settings.CHAT_PROMPT_TOKENS = 1000, 700
        settings.CHAT_OUTPUT_TOKENS, settings.CHAT_CONCURRENCY = 200, 3
        settings.CHAT_MODEL_NOTES = "English only"

        endpoint = sync_environment_endpoints()[0]

        endpoint.refresh_from_db()
        model = endpoint.model
        assert (model.context_tokens, model.prompt_tokens, model.output_tokens) == (1000, 700, 200)
        assert (model.notes, endpoint.concurrency) == ("English only", 3)

    @pytest.mark.parametrize(
        ("said", "wrote", "writes"),
        [
            pytest.param(True, False, True, id="yes"),
            pytest.param(False, True, False, id="no"),
            pytest.param(None, True, True, id="as-the-admin-says"),
        ],
    )
    def test_says_whether_its_model_writes_titles(
        self,
        environment: Environment,
        settings: "Settings",
        *,
        said: bool | None,
        wrote: bool,
        writes: bool,
    ) -> None:
        environment(chat="http://one", model="m")
        InferenceModel.objects.create(name="m", writes_titles=wrote)
        settings.CHAT_WRITES_TITLES = said

        model = sync_environment_endpoints()[0].model

        model.refresh_from_db()
        assert model.writes_titles is writes

    def test_finds_servers_by_dns_where_the_environment_says_so(
        self, environment: Environment, settings: "Settings"
    ) -> None:
        environment(chat="http://models:8000", model="m")
        settings.CHAT_DISCOVERY = "dns"

        endpoint = sync_environment_endpoints()[0]

        endpoint.refresh_from_db()
        assert endpoint.discovery == Discovery.DNS

    def test_refuses_to_find_servers_behind_certificates(
        self, environment: Environment, settings: "Settings"
    ) -> None:
        environment(chat="https://models:8000", model="m")
        settings.CHAT_DISCOVERY = "dns"

        with pytest.raises(InvalidInput, match="http:// and grpc:// only"):
            sync_environment_endpoints()

    def test_takes_a_server_of_another_protocol(
        self, settings: "Settings", environment: Environment, scripted_server: "ScriptedServer"
    ) -> None:
        address = scripted_server.address_for("kserve-grpc")
        environment(chat=address, model="llama")
        settings.CHAT_PROTOCOL = "kserve-grpc"

        sync_environment_endpoints(wait_seconds=0)

        endpoint = InferenceEndpoint.objects.get()
        assert (endpoint.protocol, endpoint.base_url) == ("kserve-grpc", address)
        assert endpoint.upstream_model == "llama"

    @pytest.mark.parametrize(
        ("url", "model", "sentence"),
        [
            ("http://triton:8001", "llama", "INFERENCE_URL is wrong"),
            ("grpc://triton:8001", "", "doesn't say which models it has"),
        ],
        ids=["address", "no model"],
    )
    def test_refuses_what_the_protocol_can_not_do(
        self, settings: "Settings", environment: Environment, url: str, model: str, sentence: str
    ) -> None:
        environment(chat=url, model=model)
        settings.CHAT_PROTOCOL = "kserve-grpc"

        with pytest.raises(InvalidInput, match=sentence):
            sync_environment_endpoints(wait_seconds=0)

    def test_takes_less_where_the_servers_context_is_shorter(
        self, environment: Environment
    ) -> None:
        with running_scripted_server("--context-tokens", "1500") as server:
            environment(chat=server.base_url)
            model = sync_environment_endpoints()[0].model

        model.refresh_from_db()
        assert (model.context_tokens, model.prompt_tokens, model.output_tokens) == (1500, 750, 750)

    def test_tells_two_kinds_of_one_name_apart(
        self, environment: Environment, settings: "Settings"
    ) -> None:
        environment(chat="http://one", embedding="http://one", model="m")
        settings.EMBEDDING_SERVER = replace(settings.EMBEDDING_SERVER, model="m")

        sync_environment_endpoints()

        assert [name for name, *_ in rows()] == ["m", "m (embedding)"]

    def test_names_the_variable_that_is_wrong(self, environment: Environment) -> None:
        environment(embedding="http://me:secret@host/v1")

        with pytest.raises(InvalidInput, match="EMBEDDING_URL is wrong: Leave the password out"):
            sync_environment_endpoints()

    def test_refuses_a_key_that_can_not_be_sent(
        self, environment: Environment, settings: "Settings"
    ) -> None:
        environment(chat="http://one/v1", model="m")
        settings.CHAT_SERVER = replace(settings.CHAT_SERVER, api_key="\u201csesame\u201d")

        with pytest.raises(InvalidInput, match="INFERENCE_API_KEY is wrong: An API key has"):
            sync_environment_endpoints()


@pytest.mark.django_db(transaction=True)
class TestTwoProcesses:
    def test_make_the_rows_once(
        self, environment: Environment, scripted_server: "ScriptedServer"
    ) -> None:
        environment(chat=scripted_server.base_url, embedding=scripted_server.base_url)

        def sync() -> int:
            try:
                return len(sync_environment_endpoints())
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            made = [future.result() for future in [pool.submit(sync) for _ in range(8)]]

        assert made == [2] * 8
        assert len(rows()) == 2


class TestSyncEndpointsCommand:
    def test_says_what_it_found(
        self,
        environment: Environment,
        scripted_server: "ScriptedServer",
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        environment(chat=scripted_server.base_url)

        call_command("sync_endpoints")

        said = capsys.readouterr().out
        assert said.startswith(f"ok: scripted @ {scripted_server.base_url}: serves scripted")

    def test_says_that_there_is_nothing(
        self,
        environment: Environment,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        environment()

        call_command("sync_endpoints")

        assert "names no inference server" in capsys.readouterr().out

    def test_fails_with_a_sentence(self, environment: Environment) -> None:
        environment(chat="http://127.0.0.1:1")

        with pytest.raises(CommandError, match="can't be reached"):
            call_command("sync_endpoints", "--wait", "0")


class TestNiceName:
    @pytest.mark.parametrize(
        ("upstream", "nice"),
        [
            ("/models/SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct.Q4_1"),
            ("meta-llama/Llama-3.1-8B-Instruct", "Llama-3.1-8B-Instruct"),
            ("qwen3:4b", "qwen3:4b"),
            ("model/", "model"),
        ],
    )
    def test_is_the_last_part(self, upstream: str, nice: str) -> None:
        assert nice_name(upstream) == nice
