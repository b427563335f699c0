"""Processes are killed in the middle of work: everything that was accepted ends well."""

import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatbot.embedded import postgres
from tests.e2e.chat_client import Reading, ask
from tests.e2e.stack import Api, Stack, signed_in, wait_until
from tests.fakes.script import generated
from tests.fakes.scripted_server import ScriptedServer, running_scripted_server
from tests.servers import PASSWORD, free_port, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

DATA = Path(__file__).resolve().parents[1] / "data"
TOKENS = 120
RATE = 20
ANSWER = generated(TOKENS)
AWAY_SECONDS = 20


@pytest.fixture(scope="module")
def inference() -> Iterator[ScriptedServer]:
    arguments = ["--delay-ms", "50", "--rate", str(RATE), "--tokens", str(TOKENS)]
    with running_scripted_server(*arguments) as server:
        yield server


@pytest.fixture(scope="module")
def stack(inference: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("recovery")
    with Stack(home, free_port(), INFERENCE_URL=inference.base_url) as running_stack:
        yield running_stack


@pytest.fixture
def api(stack: Stack) -> Iterator[Api]:
    with signed_in(stack) as client:
        yield client


@pytest.fixture
def documents(api: Api) -> dict[str, Any]:
    """A brain with a scan, a PDF and a DOCX that were uploaded a moment ago."""
    brain = api.post("brains", name="Recovery")["id"]
    files = ("korean-scan.jpg", "english.pdf", "english.docx")
    uploaded = [api.upload(brain, DATA / name)["id"] for name in files]
    return {"brain": brain, "documents": uploaded}


def states(api: Api, documents: dict[str, Any]) -> list[str]:
    return [api.get(f"documents/{one}")["state"] for one in documents["documents"]]


def all_ready(api: Api, documents: dict[str, Any]) -> bool:
    return set(states(api, documents)) == {"ready"}


def ask_aside(stack: Stack, api: Api, into: list[Reading]) -> threading.Thread:
    """Asks without a brain in a thread; the reading arrives in the list."""
    conversation = api.post("conversations")["id"]
    token = api.token

    def run() -> None:
        into.append(ask(stack.url, token, conversation, "What keeps us breathing?"))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


class TestKilledWorker:
    @pytest.mark.parametrize("name", ["ingest_worker", "ocr_worker"])
    def test_loses_no_document(
        self, stack: Stack, api: Api, documents: dict[str, Any], name: str
    ) -> None:
        wait_until("work has begun", lambda: "reading" in states(api, documents))

        old = stack.kill(name)

        wait_until("it runs again", lambda: stack.process(name).pid != old)
        wait_until("every document is ready", lambda: all_ready(api, documents), seconds=120)


class TestKilledChatService:
    def test_completes_the_answer_byte_for_byte(self, stack: Stack, api: Api) -> None:
        readings: list[Reading] = []
        thread = ask_aside(stack, api, readings)
        wait_until("the answer is being written", lambda: running_turns(api))

        stack.kill("chat_service")

        thread.join(timeout=90)
        [reading] = readings
        assert reading.connections > 1
        assert [event["type"] for event in reading.terminals] == ["turn.completed"]
        assert reading.text == ANSWER
        assert api.get(f"turns/{reading.turn}")["text"] == ANSWER


class TestKilledValkey:
    def test_loses_neither_document_nor_answer(
        self, stack: Stack, api: Api, documents: dict[str, Any]
    ) -> None:
        readings: list[Reading] = []
        thread = ask_aside(stack, api, readings)
        wait_until("the answer is being written", lambda: running_turns(api))

        stack.kill("valkey")

        thread.join(timeout=90)
        [reading] = readings
        assert [event["type"] for event in reading.terminals] == ["turn.completed"]
        assert reading.text == ANSWER
        wait_until("every document is ready", lambda: all_ready(api, documents), seconds=120)


def running_turns(api: Api) -> bool:
    """Whether the newest conversation has an answer with some text."""
    newest = api.get("conversations")["results"][0]["id"]
    turns = [message["turn"] for message in api.get(f"conversations/{newest}/messages")["results"]]
    return any(turn and turn["state"] == "running" for turn in turns)


class TestPostgresAway:
    """PostgreSQL is one of our own here: DATABASE_URL alone points the stack at it."""

    @pytest.fixture
    def database(self) -> Iterator[tuple[list[str], int]]:
        """Not in `tmp_path`: pytest closes the folder above it to others whenever it starts."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
            Path(home).chmod(0o755)
            folder = Path(home) / "postgres"
            postgres.initialise(folder=folder, password=PASSWORD)
            port = free_port()
            yield postgres.command(folder=folder, port=port), port

    def test_gives_clear_errors_and_recovers_without_a_restart(
        self, database: tuple[list[str], int], inference: ScriptedServer, tmp_path: Path
    ) -> None:
        command, port = database
        address = f"postgresql://brainstem:{PASSWORD}@127.0.0.1:{port}/postgres"
        variables = {"DATABASE_URL": address, "INFERENCE_URL": inference.base_url}
        first = running(command, port=port, stop_signal=signal.SIGQUIT)
        first.__enter__()
        with Stack(tmp_path / "home", free_port(), **variables) as stack, signed_in(stack) as api:
            brain = api.post("brains", name="Away")["id"]
            before = {name: stack.process(name).pid for name in ("chat_service", "chatbot")}
            documents = {"documents": [api.upload(brain, DATA / "korean-scan.jpg")["id"]]}
            readings: list[Reading] = []
            thread = ask_aside(stack, api, readings)
            wait_until("the answer is being written", lambda: running_turns(api))

            first.__exit__(None, None, None)
            refused = wait_until("errors are clear", lambda: unavailable(api))
            threading.Event().wait(AWAY_SECONDS)

            with running(command, port=port, stop_signal=signal.SIGINT):
                thread.join(timeout=90)
                wait_until("documents are ready", lambda: all_ready(api, documents), seconds=120)
                after = {name: stack.process(name).pid for name in ("chat_service", "chatbot")}
                stack.stop()

        assert refused["code"] == "database-unavailable"
        assert refused["way_out"]
        assert [event["type"] for event in readings[0].terminals] == ["turn.completed"]
        assert readings[0].text == ANSWER
        assert after == before


def unavailable(api: Api) -> dict[str, Any] | None:
    answer = api.request("GET", "brains")
    return answer.json() if answer.status_code == 503 else None
