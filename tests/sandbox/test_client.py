import os
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chatbot.contracts.errors import DocumentFault, Unavailable
from chatbot.sandbox.client import Sandbox, as_expected
from chatbot.sandbox.limits import Limits
from tests.child_processes import wait_until

LIMITS = Limits(cpu_seconds=20, wall_seconds=100.0, output_bytes=1 << 20)
BUSY_SECONDS = 30
"""What a busy machine may take for something that is done at once."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox("tests.sandbox.misbehaviour", environment={"DO_NOT_TRACK": "true"})
    yield sandbox
    sandbox.close()


class TestSandbox:
    @pytest.mark.parametrize("text", ["한글 \x00", "half of \ud83d"], ids=["text", "half"])
    def test_returns_what_the_function_returns(self, sandbox: Sandbox, text: str) -> None:
        assert sandbox.call("echo", {"text": text}, LIMITS) == text

    def test_runs_each_call_in_a_process_of_its_own(self, sandbox: Sandbox) -> None:
        first, _, first_group = sandbox.call("numbers", {}, LIMITS)
        second, _, _ = sandbox.call("numbers", {}, LIMITS)

        assert first == first_group
        assert len({first, second, os.getpid()}) == 3

    def test_shows_the_child_none_of_the_callers_environment(self, sandbox: Sandbox) -> None:
        seen = sandbox.call("environment", {}, LIMITS)

        assert "DATABASE_URL" in os.environ
        assert seen.keys() <= {"PATH", "PYTHONPATH", "LANG", "LC_CTYPE", "DO_NOT_TRACK"}

    @pytest.mark.parametrize(
        ("function", "limits", "code"),
        [
            pytest.param("refuse", {}, "file-encrypted", id="fault-of-the-document"),
            pytest.param("raise_error", {}, "parser-crashed", id="unforeseen-error"),
            pytest.param("eat_memory", {}, "too-much-memory", id="memory"),
            pytest.param("abort", {}, "too-much-memory", id="abort-of-a-library"),
            pytest.param("crash", {}, "parser-crashed", id="segmentation-fault"),
            pytest.param("burn", {"cpu_seconds": 1}, "too-much-cpu", id="computing-time"),
            pytest.param("sleep", {"wall_seconds": 1.0}, "parser-timeout", id="wall-clock"),
            pytest.param("talk", {}, "too-much-output", id="output"),
        ],
    )
    def test_names_the_documents_fault(
        self, sandbox: Sandbox, function: str, limits: dict[str, Any], code: str
    ) -> None:
        with pytest.raises(DocumentFault) as raised:
            sandbox.call(function, {}, replace(LIMITS, **limits))

        assert raised.value.error_code == code

    @pytest.mark.parametrize(
        ("function", "code"),
        [
            pytest.param("be_unavailable", "ocr-data-missing", id="missing-part"),
            pytest.param("killed_by_the_system", "reader-died", id="killed-by-the-system"),
        ],
    )
    def test_does_not_blame_the_document(self, sandbox: Sandbox, function: str, code: str) -> None:
        with pytest.raises(Unavailable) as raised:
            sandbox.call(function, {}, LIMITS)

        assert raised.value.error_code == code

    def test_never_logs_words_of_the_document(
        self, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(DocumentFault):
            sandbox.call("raise_error", {}, LIMITS)

        assert "KeyError at" in caplog.text
        assert "words of the document" not in caplog.text

    def test_lets_no_file_be_written(self, sandbox: Sandbox, tmp_path: Path) -> None:
        assert sandbox.call("write", {"file": str(tmp_path / "out")}, LIMITS) is False

    def test_lets_no_connection_be_made(self, sandbox: Sandbox) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            connected = sandbox.call("connect", {"port": server.getsockname()[1]}, LIMITS)

        assert connected is False

    def test_answers_while_another_call_sleeps(self) -> None:
        sandbox = Sandbox("tests.sandbox.misbehaviour")
        sandbox.start()
        sleeper = threading.Thread(target=_call_quietly, args=(sandbox, "sleep"))
        sleeper.start()
        _children_of(_server_of(sandbox))

        answer = sandbox.call("echo", {"text": "awake"}, LIMITS)
        still_sleeps = sleeper.is_alive()

        sandbox.close()
        sleeper.join(BUSY_SECONDS)
        assert answer == "awake"
        assert still_sleeps

    def test_starts_again_after_its_server_was_killed(self, sandbox: Sandbox) -> None:
        keeper = sandbox.call("numbers", {}, LIMITS)[1]
        os.kill(_server_of(sandbox), signal.SIGKILL)

        after = sandbox.call("numbers", {}, LIMITS)[1]

        assert after != keeper

    def test_takes_its_children_along(self) -> None:
        sandbox = Sandbox("tests.sandbox.misbehaviour")
        sandbox.start()
        sleeper = threading.Thread(target=_call_quietly, args=(sandbox, "sleep"))
        sleeper.start()
        children = _children_of(_server_of(sandbox))

        sandbox.close()
        sleeper.join(BUSY_SECONDS)

        wait_until(
            lambda: not any(map(_is_alive, children)), seconds=BUSY_SECONDS, what="end of all"
        )

    def test_says_so_when_the_file_is_gone(self, sandbox: Sandbox, tmp_path: Path) -> None:
        with pytest.raises(DocumentFault) as raised:
            sandbox.call("echo", {"text": ""}, LIMITS, file=tmp_path / "absent")

        assert raised.value.error_code == "file-missing"

    def test_takes_no_result_of_another_shape(self) -> None:
        with pytest.raises(DocumentFault) as raised, as_expected():
            {"pages": [1]}["labels"]

        assert raised.value.error_code == "parser-crashed"

    def test_does_not_take_half_an_answer_for_one(self) -> None:
        sandbox = Sandbox("tests.sandbox.half_answers")

        with pytest.raises(Unavailable) as raised:
            sandbox.call("echo", {"text": ""}, LIMITS)

        sandbox.close()
        assert raised.value.error_code == "reader-died"

    def test_says_so_when_its_module_does_not_import(
        self, capfd: pytest.CaptureFixture[str]
    ) -> None:
        sandbox = Sandbox("tests.sandbox.absent")

        with pytest.raises(Unavailable) as raised:
            sandbox.call("echo", {"text": ""}, LIMITS)

        sandbox.close()
        assert raised.value.error_code == "reader-died"
        assert "tests.sandbox.absent" in capfd.readouterr().err


class TestQuestion:
    def test_is_answered_by_the_caller(self, sandbox: Sandbox) -> None:
        heard: list[object] = []

        def asked(question: object) -> str:
            heard.append(question)
            return "wie wär's \n"

        answer = sandbox.call("ask_back", {"text": "한글\n"}, LIMITS, asked=asked)

        assert heard == [{"asks": "한글\n"}]
        assert answer == ["told", "wie wär's \n"]

    def test_is_heard_as_often_as_the_caller_says(self, sandbox: Sandbox) -> None:
        heard: list[dict[str, int]] = []

        def asked(question: dict[str, int]) -> int:
            heard.append(question)
            return len(heard)

        answer = sandbox.call("ask_often", {"times": 3}, LIMITS, asked=asked, questions=3)
        with pytest.raises(DocumentFault) as raised:
            sandbox.call(
                "ask_often",
                {"times": 3},
                replace(LIMITS, wall_seconds=2.0),
                asked=asked,
                questions=2,
            )

        assert answer == [1, 2, 3]
        assert raised.value.error_code == "parser-timeout"
        assert [question["number"] for question in heard] == [0, 1, 2, 0, 1]

    def test_may_be_about_the_file(self, sandbox: Sandbox, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.write_text("what stands there")

        answer = sandbox.call("ask_back", {}, LIMITS, file=file, asked=dict)

        assert answer == ["told", {"asks": "what stands there"}]

    @pytest.mark.parametrize("length", [1, 1 << 19], ids=["little", "much"])
    def test_may_be_left_out(self, sandbox: Sandbox, length: int) -> None:
        answer = sandbox.call("ask_nothing", {"length": length}, LIMITS, asked=_never)

        assert answer == "x" * length

    @pytest.mark.parametrize(
        ("function", "code"),
        [
            pytest.param("die_asking", "parser-crashed", id="dies-before"),
            pytest.param("ask_on", "parser-timeout", id="without-an-end"),
        ],
    )
    def test_of_a_bad_reader_is_the_documents_fault(
        self, sandbox: Sandbox, function: str, code: str
    ) -> None:
        with pytest.raises(DocumentFault) as raised:
            sandbox.call(function, {}, replace(LIMITS, wall_seconds=2.0), asked=_never)

        assert raised.value.error_code == code

    def test_that_is_nonsense_reaches_nobody_as_it_is(self, sandbox: Sandbox) -> None:
        heard: list[object] = []

        answer = sandbox.call("ask_nonsense", {}, LIMITS, asked=heard.append)

        assert heard == [{"fault": "parser-crashed"}]
        assert answer == "null\n"

    def test_is_asked_again_when_the_answer_came_too_late(self, sandbox: Sandbox) -> None:
        heard: list[object] = []

        def asked(question: object) -> int:
            heard.append(question)
            if len(heard) == 1:
                keeper, child = _children_of(_server_of(sandbox))
                wait_until(
                    lambda: not any(map(_is_alive, (keeper, child))),
                    seconds=BUSY_SECONDS,
                    what="end of the child",
                )
            return len(heard)

        answer = sandbox.call("ask_back", {}, replace(LIMITS, wall_seconds=2.0), asked=asked)

        assert answer == ["told", 2]

    def test_ends_the_call_when_it_can_not_be_answered(self, sandbox: Sandbox) -> None:
        def away(_: object) -> None:
            raise ConnectionError

        with pytest.raises(ConnectionError):
            sandbox.call("ask_back", {"text": ""}, LIMITS, asked=away)

        wait_until(
            lambda: not _descendants(_server_of(sandbox)),
            seconds=BUSY_SECONDS,
            what="end of the child",
        )


def _never(question: object) -> None:
    raise AssertionError(question)


def _call_quietly(sandbox: Sandbox, function: str) -> None:
    with pytest.raises((DocumentFault, Unavailable)):
        sandbox.call(function, {}, LIMITS)


def _server_of(sandbox: Sandbox) -> int:
    assert sandbox._server is not None
    return sandbox._server.pid


def _descendants(process: int) -> list[int]:
    found = []
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        found += [int(child), *_descendants(int(child))]
    return found


def _children_of(server: int) -> list[int]:
    """The keeper of a call and its child, once both are there."""
    wait_until(lambda: len(_descendants(server)) >= 2, seconds=BUSY_SECONDS, what="running call")
    return _descendants(server)


def _is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
