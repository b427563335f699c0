"""`python -m chatbot.sandbox.server <options>`: imports once, forks for each call.

    caller ── request with a socket and the open file ──> server (this process)
                                                            └─ keeper: time, size, exit status
                                                                 └─ child: the function itself

The child is told nothing of the file but `FILE`: it can't name another one. Where the caller has
sent a socket for it, the function gets `ask`: a line of JSON each way, as often as is listened to.

The server ends when the caller's end of its control socket closes, and takes its children along.
The caller is answered with two JSON objects, parted by `SEPARATOR`: what the child took, and
`{"result": …}`, `{"fault": code}` or `{"unavailable": {code, sentence, way_out}}`, and `END`:
without it the keeper has died in between. Only the first is ours: the child writes what it likes.
"""

import contextlib
import fcntl
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import orjson

from chatbot.contracts.errors import DocumentFault, Unavailable
from chatbot.sandbox import oom
from chatbot.sandbox.limits import Limits, apply, die_with_parent, limit_threads
from chatbot.sandbox.niceness import share_by_niceness
from chatbot.sandbox.walls import Wall, put_up, readable_paths

REQUEST_BYTES: Final = 64 * 1024
QUESTION_BYTES: Final = 64 * 1024
"""Of a question, and of what is answered to it."""
SEPARATOR: Final = b"\x00"
END: Final = b"\n"
FILE: Final = "/proc/self/fd/4"
"""The file, for a child."""
_READ_BYTES: Final = 256 * 1024
_ALL_DESCRIPTORS: Final = 4096
_MOST_DESCRIPTORS: Final = 3
"""Of a request: the socket for the answer, the file, and the socket for a question."""
_OUT_OF_THE_WAY: Final = 16
"""Above the descriptors that a child keeps."""
_CHILDS_PIPE: Final = 3
_CHILDS_FILE: Final = 4
_CHILDS_QUESTION: Final = 5
_KILOBYTE: Final = 1024

_FAULT_OF_SIGNAL: Final[dict[int, str]] = {
    signal.SIGABRT: "too-much-memory",  # C++ and Rust libraries abort when an allocation fails
    signal.SIGXCPU: "too-much-cpu",
    signal.SIGSYS: "parser-stopped",
}
_DIED: Final[dict[str, object]] = {
    "unavailable": {
        "code": "reader-died",
        "sentence": "The reader was killed by the system.",
        "way_out": "The work is tried again. If it goes on, give the worker more memory.",
    }
}


@dataclass(frozen=True, slots=True)
class Options:
    """What is the same for all calls; crosses as JSON."""

    module: str
    control: int
    """The descriptor of the socket with the requests."""
    walls: tuple[str, ...]
    readable: tuple[str, ...]
    """Paths that every child may read, beside its file and what Python needs."""


@dataclass(frozen=True, slots=True)
class _Call:
    function: Callable[..., object]
    arguments: dict[str, Any]
    limits: Limits
    file: int | None
    question: int | None
    """A socket on which the function may ask the caller."""


def serve(options: Options, control: socket.socket) -> None:
    """Answers requests until the caller is gone."""
    share_by_niceness()
    functions: dict[str, Callable[..., object]] = importlib.import_module(options.module).FUNCTIONS
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # Found by writing a file, which children can't; some libraries ask for it by the way.
    tempfile.gettempdir()
    gc.collect()
    gc.freeze()
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, REQUEST_BYTES, _MOST_DESCRIPTORS)
        if not request:
            return
        server = os.getpid()
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            die_with_parent(server)
            call = _call(functions, json.loads(request), descriptors[1:])
            with socket.socket(fileno=descriptors[0]) as caller:
                answer = _keep(call, options, caller)
                # The caller has gone when its worker ends in the middle of a file.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    caller.sendall(answer + END)
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def _call(
    functions: dict[str, Callable[..., object]], request: dict[str, Any], descriptors: list[int]
) -> _Call:
    sent = dict(zip(request["descriptors"], descriptors, strict=True))
    return _Call(
        functions[request["function"]],
        request["arguments"],
        Limits(**request["limits"]),
        file=sent.get("file"),
        question=sent.get("question"),
    )


def _keep(call: _Call, options: Options, caller: socket.socket) -> bytes:
    """Runs the function in a child and returns the answer, whatever becomes of the child."""
    counter = oom.own_counter_file()
    kills = oom.kills(counter)
    reader, writer = os.pipe()
    keeper = os.getpid()
    child = os.fork()
    if child == 0:
        # A group to be killed as one, and no session: one of its own would be as nice as a chat.
        os.setpgid(0, 0)
        die_with_parent(keeper)
        _run(call, options, writer)
    os.close(writer)
    if call.question is not None:
        # Whoever waits for the question is to see that the child has ended without one.
        os.close(call.question)
    output, fault = _collect(reader, caller, call.limits)
    if fault:
        os.kill(child, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    if fault or status != 0:
        if not fault and oom.kills(counter) > kills:
            fault = _killed_for(status, "too-much-memory")
        if not fault and usage.ru_utime + usage.ru_stime > call.limits.cpu_seconds:
            # The kernel's second word, for who goes on after SIGXCPU.
            fault = _killed_for(status, "too-much-cpu")
        output = json.dumps(_verdict(fault, status)).encode()
    return _taken(usage) + SEPARATOR + output


def _taken(usage: resource.struct_rusage) -> bytes:
    return json.dumps(
        {
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
            "peak_bytes": usage.ru_maxrss * _KILOBYTE,
        }
    ).encode()


def _collect(reader: int, caller: socket.socket, limits: Limits) -> tuple[bytes, str]:
    """The child's output, or why it has to be stopped."""
    deadline = time.monotonic() + limits.wall_seconds
    output = bytearray()
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    poll.register(caller, select.POLLRDHUP)
    while (left := deadline - time.monotonic()) > 0:
        ready = {descriptor for descriptor, _ in poll.poll(left * 1000)}
        if caller.fileno() in ready:
            return b"", "parser-timeout"
        if reader in ready:
            piece = os.read(reader, _READ_BYTES)
            if not piece:
                return bytes(output), ""
            output += piece
            if len(output) > limits.output_bytes:
                return b"", "too-much-output"
    return b"", "parser-timeout"


def _killed_for(status: int, fault: str) -> str:
    """The fault, if the child was killed at all."""
    return fault if os.waitstatus_to_exitcode(status) == -signal.SIGKILL else ""


def _verdict(fault: str, status: int) -> dict[str, object]:
    if fault:
        return {"fault": fault}
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL:
        return _DIED
    return {"fault": _FAULT_OF_SIGNAL.get(-code, "parser-crashed")}


def _run(call: _Call, options: Options, writer: int) -> NoReturn:
    """The child's life: it never returns to the code above."""
    try:
        _keep_descriptors(writer, call.file, call.question)
        apply(call.limits)
        readable = [*readable_paths(options.module), *map(Path, options.readable)]
        files = [] if call.file is None else [_CHILDS_FILE]
        walls = [Wall(name) for name in options.walls]
        missing = put_up(walls, readable=readable, descriptors=files)
        if Wall.NAMESPACES in walls and Wall.NAMESPACES not in missing:
            limit_threads(call.limits)
        asking = {} if call.question is None else {"ask": _ask}
        _write(_CHILDS_PIPE, _answer(call.function, {**call.arguments, **asking}))
        os._exit(0)
    finally:
        os._exit(1)


def _keep_descriptors(writer: int, *others: int | None) -> None:
    """Closes all that was inherited but the pipe to the keeper and `others`; silences the rest.

    Those are the file and the socket for a question, if there are such.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    kept = [
        fcntl.fcntl(0 if one is None else one, fcntl.F_DUPFD, _OUT_OF_THE_WAY)
        for one in (writer, *others)
    ]
    for descriptor, one in zip((_CHILDS_PIPE, _CHILDS_FILE, _CHILDS_QUESTION), kept, strict=True):
        os.dup2(one, descriptor)
    os.closerange(_CHILDS_QUESTION + 1, _ALL_DESCRIPTORS)


def _ask(question: object) -> Any:  # noqa: ANN401 - JSON
    """What the caller says to it."""
    _write(_CHILDS_QUESTION, json.dumps(question).encode() + END)
    told = bytearray()
    while not told.endswith(END):
        piece = os.read(_CHILDS_QUESTION, QUESTION_BYTES)
        if not piece:
            raise EOFError
        told += piece
    return json.loads(told)


def _answer(function: Callable[..., object], arguments: dict[str, Any]) -> bytes:
    try:
        return _encoded({"result": function(**arguments)})
    except DocumentFault as fault:
        answer: dict[str, object] = {"fault": fault.error_code}
    except Unavailable as error:
        answer = {
            "unavailable": {
                "code": error.error_code,
                "sentence": error.sentence,
                "way_out": error.way_out,
            }
        }
    except MemoryError:
        answer = {"fault": "too-much-memory"}
    except Exception as error:  # noqa: BLE001 - whatever a library raises on a hostile file
        answer = {"fault": "parser-crashed", "detail": _place(error)}
    return json.dumps(answer).encode()


def _encoded(answer: dict[str, object]) -> bytes:
    try:
        return orjson.dumps(answer)
    except orjson.JSONEncodeError:
        # Ten times as slow, and takes halves of characters, which PDF files may have.
        return json.dumps(answer).encode()


def _place(error: Exception) -> str:
    """Type and line; never the message, which may quote the document."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {frame.filename}:{frame.lineno}"


def _write(writer: int, answer: bytes) -> None:
    view = memoryview(answer)
    while view:
        view = view[os.write(writer, view) :]


if __name__ == "__main__":
    told = Options(**json.loads(sys.argv[1]))
    with socket.socket(fileno=told.control) as listening:
        serve(told, listening)
