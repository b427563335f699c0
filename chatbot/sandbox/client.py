"""The caller's side of the sandbox."""

import atexit
import contextlib
import dataclasses
import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from chatbot.contracts.errors import DOCUMENT_FAULTS, DocumentFault, Unavailable
from chatbot.sandbox.limits import Limits
from chatbot.sandbox.server import END, FILE, QUESTION_BYTES, SEPARATOR, Options
from chatbot.sandbox.walls import ALL, Wall, missing_walls

logger = logging.getLogger(__name__)

_PROJECT: Final = Path(__file__).resolve().parents[2]
_ANSWER_GRACE_SECONDS: Final = 10.0
_READ_BYTES: Final = 1024 * 1024
_DYING_SECONDS: Final = 0.5
_STARTS: Final = 2


class Sandbox:
    """A server that has imported `module`, whose `FUNCTIONS` can be called. Threads may share it.

    The server sees only the environment that is given here: no secret of the caller is in its
    memory. It starts with the first call, and again if it has died.
    """

    def __init__(
        self,
        module: str,
        *,
        environment: Mapping[str, str] | None = None,
        readable: Collection[Path] = (),
        walls: Collection[Wall] = ALL,
    ) -> None:
        """Starts nothing yet.

        Args:
            module: where `FUNCTIONS` is.
            environment: of the server and its children, beside the path to Python's modules.
            readable: files and folders that every call may read, such as trained data.
            walls: those that the kernel lacks are left out, and `start` says so.
        """
        self._module = module
        self._environment = dict(environment or {})
        self._readable = tuple(readable)
        self._walls = tuple(walls)
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._is_closed = False
        atexit.register(self.close)

    def call(
        self,
        function: str,
        arguments: Mapping[str, object],
        limits: Limits,
        *,
        file: Path | None = None,
        asked: Callable[[Any], object] | None = None,
        questions: int = 1,
    ) -> Any:  # noqa: ANN401 - JSON
        """Calls `FUNCTIONS[function](**arguments)`; arguments and result are JSON.

        Args:
            function: its name.
            arguments: its arguments.
            limits: of the child that runs it.
            file: the one file that it may read; it gets it as the argument `path`.
            asked: answers what the function asks in between, which gets what asks as the argument
                `ask`. Both sides are JSON. Whatever it raises ends the call.
            questions: so many are answered; with one more the function waits until its time is up.

        Raises:
            DocumentFault: the function raised it, or broke a limit.
            Unavailable: the function raised it, or the child died through no fault of its own.
        """
        request = {
            "function": function,
            "arguments": {**arguments, **({} if file is None else {"path": FILE})},
            "limits": dataclasses.asdict(limits),
            "descriptors": ["file"] * (file is not None) + ["question"] * (asked is not None),
        }
        with _opened(file) as files:
            for _ in range(_STARTS):
                answer = self._ask(json.dumps(request).encode(), files, limits, asked, questions)
                if answer.endswith(END):
                    taken, _, output = answer.partition(SEPARATOR)
                    logger.debug("a reader's call took %s", taken.decode())
                    return _result(_decoded(output))
                self._bury()
        raise _dead()

    def start(self) -> list[str]:
        """Starts the server if it isn't running; it takes its time to import.

        Returns, and logs, which walls this machine doesn't have.
        """
        missing = missing_walls()
        for wall, reason in missing.items():
            logger.warning("readers of documents run without the wall %s: %s", wall, reason)
        with self._lock:
            self._running_control()
        return list(missing)

    def close(self) -> None:
        """Ends the server and every call that is running in it; there can be no other."""
        with self._lock:
            self._is_closed = True
            if self._server is not None:
                self._server.kill()
                self._forget()

    def _bury(self) -> None:
        """Forgets a server that is dead or dying, so that the next call starts another one."""
        with self._lock, contextlib.suppress(subprocess.TimeoutExpired):
            if self._server is not None:
                self._server.wait(_DYING_SECONDS)
                self._forget()

    def _forget(self) -> None:
        if self._server is not None and self._control is not None:
            self._control.close()
            self._server.wait()
        self._server = self._control = None

    def _running_control(self) -> socket.socket:
        if self._control is not None:
            return self._control
        if self._is_closed:
            raise _dead()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            options = Options(
                module=self._module,
                control=theirs.fileno(),
                walls=self._walls,
                readable=tuple(map(str, self._readable)),
            )
            self._server = subprocess.Popen(
                [
                    sys.executable,
                    *("-m", "chatbot.sandbox.server"),
                    json.dumps(dataclasses.asdict(options)),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=_PROJECT,
                env={
                    "PATH": os.defpath,
                    "PYTHONPATH": str(_PROJECT),
                    "LANG": "C.UTF-8",
                    **self._environment,
                },
            )
        self._control = ours
        return ours

    def _ask(
        self,
        request: bytes,
        files: list[int],
        limits: Limits,
        asked: Callable[[Any], object] | None,
        questions: int,
    ) -> bytes:
        """The answer's bytes; without `END` if whoever answers died before or in between."""
        ours, theirs = socket.socketpair()
        hearing, asking = socket.socketpair()
        with ours, hearing:
            sent = [theirs.fileno(), *files, *([] if asked is None else [asking.fileno()])]
            with (
                theirs,
                asking,
                self._lock,
                contextlib.suppress(BrokenPipeError, ConnectionResetError),
            ):
                socket.send_fds(self._running_control(), [request], sent)
            for one in (ours, hearing):
                one.settimeout(limits.wall_seconds + _ANSWER_GRACE_SECONDS)
            if asked is not None and not _answer_questions(hearing, asked, questions):
                # It had no time left when the caller knew: that says nothing about the file.
                return b""
            pieces = []
            try:
                while piece := ours.recv(_READ_BYTES):
                    pieces.append(piece)
            except (TimeoutError, ConnectionResetError):
                return b""
            return b"".join(pieces)


def _answer_questions(
    hearing: socket.socket, asked: Callable[[Any], object], questions: int
) -> bool:
    """Until the child asks no more; False: it was gone before it heard an answer."""
    for _ in range(questions):
        question = _question(hearing)
        if not question:
            break
        told = json.dumps(asked(_decoded(question))).encode() + END
        try:
            hearing.sendall(told)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            return False
    return True


def _question(questions: socket.socket) -> bytes:
    """What the child asks; empty if it ends without."""
    question = bytearray()
    with contextlib.suppress(TimeoutError, ConnectionResetError):
        while piece := questions.recv(QUESTION_BYTES):
            question += piece
            if question.endswith(END):
                return bytes(question)
            if len(question) > QUESTION_BYTES:
                break
    return b""


@contextlib.contextmanager
def _opened(file: Path | None) -> Iterator[list[int]]:
    """The descriptor of the file, if there is one."""
    if file is None:
        yield []
        return
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise DocumentFault(DOCUMENT_FAULTS["file-missing"], code="file-missing") from error
    except OSError as error:
        raise Unavailable(
            "The stored file can't be opened.",
            code="storage-away",
            way_out="See that this worker's user may read the storage. The work is tried again.",
        ) from error
    try:
        yield [descriptor]
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def as_expected() -> Iterator[None]:
    """Around whatever takes a result apart: a child that was taken over writes what it likes.

    Raises:
        DocumentFault: the result isn't of the shape that the function promises.
    """
    try:
        yield
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise DocumentFault(DOCUMENT_FAULTS["parser-crashed"], code="parser-crashed") from error


def _decoded(output: bytes) -> dict[str, Any]:
    """What the child wrote, who may have been taken over."""
    try:
        answer = orjson.loads(output)
    except orjson.JSONDecodeError:
        answer = _decoded_with_care(output)
    return answer if isinstance(answer, dict) else {"fault": "parser-crashed"}


def _decoded_with_care(output: bytes) -> object:
    """Seven times as slow, and takes halves of characters, which PDF files may have."""
    try:
        return json.loads(output)
    except (ValueError, RecursionError):
        return None


def _result(answer: dict[str, Any]) -> object:
    if "result" in answer:
        return answer["result"]
    told = answer.get("unavailable")
    if isinstance(told, dict):
        sentence, code, way_out = (str(told.get(key)) for key in ("sentence", "code", "way_out"))
        raise Unavailable(sentence, code=code, way_out=way_out)
    fault = str(answer.get("fault", "parser-crashed"))
    code = fault if fault in DOCUMENT_FAULTS else "file-broken"
    if "detail" in answer:
        logger.warning("a reader crashed: %s", answer["detail"])
    raise DocumentFault(DOCUMENT_FAULTS[code], code=code)


def _dead() -> Unavailable:
    return Unavailable(
        "The reader of documents died or does not start.",
        code="reader-died",
        way_out="The worker's log says more. The work is tried again.",
    )
