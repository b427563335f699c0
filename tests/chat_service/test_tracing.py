"""Traces, as a collector and a model server see them."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from websockets.sync.client import connect

from chatbot.accounts.models import User
from chatbot.accounts.services.tokens import issue_tokens
from chatbot.conversations.models import Conversation
from tests.chat_service.client import ChatClient
from tests.chat_service.processes import ChatProcess, running_chat_process
from tests.child_processes import PROJECT, child_environment, wait_until
from tests.factories.brains import make_brain
from tests.factories.conversations import make_conversation
from tests.factories.inference import make_endpoint
from tests.fakes.otlp_collector import Collector, Span, running_collector
from tests.fakes.scripted_server import ScriptedServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLERS_STEP = "00f067aa0ba902b7"
CLIENT_KIND = 3


@dataclass
class Upstream:
    """A model server that keeps the `traceparent` of chat requests."""

    base_url: str
    traceparents: list[str | None] = field(default_factory=list)


@contextmanager
def running_upstream() -> Iterator[Upstream]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            upstream.traceparents.append(self.headers["traceparent"])
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for choice in ({"delta": {"content": "Yes."}}, {"delta": {}, "finish_reason": "stop"}):
                event = json.dumps({"choices": [{"index": 0, **choice}]})
                self.wfile.write(f"data: {event}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def log_message(self, *_: object) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        upstream = Upstream(f"http://127.0.0.1:{server.server_address[1]}/v1")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield upstream
        server.shutdown()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


@contextmanager
def tracing_chat(collector: Collector, **variables: str) -> Iterator[ChatProcess]:
    """A replica that sends its traces often."""
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with running_chat_process(**{**told, **variables}) as process:
        yield process


def turn_of(collector: Collector) -> dict[str, Span]:
    """The steps by name, once the turn's own, which is the last to end, has come."""
    wait_until(lambda: bool(collector.named("turn")), seconds=10, what="turn")
    return {span.name: span for span in collector.spans()}


class TestTrace:
    def test_leads_from_the_caller_to_the_model_server(
        self, collector: Collector, person: User, conversation: Conversation
    ) -> None:
        token = issue_tokens(user=person).access
        with running_upstream() as upstream:
            endpoint = make_endpoint(base_url=upstream.base_url)
            headers = {
                "Authorization": f"Bearer {token}",
                "traceparent": f"00-{CALLER}-{CALLERS_STEP}-01",
            }
            with (
                tracing_chat(collector) as chat,
                connect(chat.websocket, additional_headers=headers, proxy=None) as socket,
            ):
                question = {"conversation": str(conversation.pk), "text": "My secret question?"}
                socket.send(json.dumps({"type": "ask", "client_id": "1", **question}))
                steps = turn_of(collector)

        assert steps.keys() == {"ask", "turn", "admission", "upstream", "finalise"}
        assert {step.trace for step in steps.values()} == {CALLER}
        assert steps["ask"].parent == CALLERS_STEP
        assert steps["turn"].parent == steps["ask"].id
        for name in ("admission", "upstream", "finalise"):
            assert steps[name].parent == steps["turn"].id
        assert upstream.traceparents == [f"00-{CALLER}-{steps['upstream'].id}-01"]
        assert steps["upstream"].kind == CLIENT_KIND
        assert steps["upstream"].events == ["first token"]
        assert steps["upstream"].attributes["brainstem.endpoint"] == str(endpoint.pk)
        assert steps["turn"].attributes["brainstem.outcome"] == "completed"
        assert b"secret" not in b"".join(collector.bodies)
        assert person.email.encode() not in b"".join(collector.bodies)

    def test_shows_the_search_and_where_an_answer_failed(
        self, collector: Collector, person: User, scripted_server: ScriptedServer
    ) -> None:
        make_endpoint(base_url=scripted_server.base_url)
        scripted_server.script(error_status=401)
        with tracing_chat(collector) as chat, ChatClient(chat, person) as client:
            client.ask(make_conversation(person).pk, "What?")
            client.answer()
            failed = turn_of(collector)
            client.ask(make_conversation(person, brain=make_brain(owner=person)).pk, "What?")
            client.answer()
            wait_until(lambda: len(collector.named("turn")) > 1, seconds=10, what="second turn")
            searched = {span.name: span for span in collector.spans()}

        assert failed["upstream"].error == "inference-refused"
        assert failed["turn"].attributes["brainstem.outcome"] == "failed"
        assert failed["turn"].attributes["brainstem.error"] == "inference-refused"
        assert searched["retrieval"].parent == searched["turn"].id
        assert searched["retrieval"].trace == searched["ask"].trace != failed["turn"].trace

    @pytest.mark.usefixtures("model")
    def test_costs_no_answer_and_no_time_at_the_end_when_the_collector_is_away(
        self, collector: Collector, person: User, conversation: Conversation
    ) -> None:
        nobody = "http://127.0.0.1:1"
        with (
            tracing_chat(collector, OTEL_EXPORTER_OTLP_ENDPOINT=nobody) as chat,
            ChatClient(chat, person) as client,
        ):
            client.ask(conversation.pk, "What?")
            end = client.answer().end
            seconds = chat.process.terminate()

        assert end["type"] == "turn.completed"
        assert seconds < 5


class TestWithoutCollector:
    def test_loads_no_library(self) -> None:
        source = (
            "import sys, chat_service.asgi\n"
            "from chat_service import tracing\n"
            "tracing.start(instance='x')\n"
            "sys.exit('opentelemetry' in sys.modules)"
        )
        environment = child_environment(settings_module="chat_service.settings", home=PROJECT)

        done = subprocess.run(
            [sys.executable, "-c", source], cwd=PROJECT, env=environment, check=False
        )

        assert done.returncode == 0
