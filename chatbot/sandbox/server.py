"""`python -m chatbot.sandbox.server <module> <descriptor>`: imports once, forks for each call.

    caller ── request with the caller's end of a socket ──> server (this process)
                                                              └─ keeper: time, size, exit status
                                                                   └─ child: the function itself

The server ends when the caller's end of its control socket closes, and takes its children along.
The caller is answered with one JSON object: `{"result": …}`, `{"fault": code}` or
`{"unavailable": {code, sentence, way_out}}`, and `END`: without it the keeper has died in between.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import Any, Final, NoReturn

from chatbot.contracts.errors import DocumentFault, Unavailable
from chatbot.sandbox.limits import Limits, apply, die_with_parent

REQUEST_BYTES: Final = 64 * 1024
END: Final = b"\n"
_READ_BYTES: Final = 256 * 1024
_ALL_DESCRIPTORS: Final = 4096

_FAULT_OF_SIGNAL: Final[dict[int, str]] = {
    signal.SIGABRT: "too-much-memory",  # C++ and Rust libraries abort when an allocation fails
    signal.SIGXCPU: "too-much-cpu",
}
_DIED: Final[dict[str, object]] = {
    "unavailable": {
        "code": "reader-died",
        "sentence": "The reader was killed by the system.",
        "way_out": "The work is tried again. If it goes on, give the worker more memory.",
    }
}


def serve(module: str, control: socket.socket) -> None:
    """Answers requests until the caller is gone."""
    functions: dict[str, Callable[..., object]] = importlib.import_module(module).FUNCTIONS
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # Found by writing a file, which children can't; some libraries ask for it by the way.
    tempfile.gettempdir()
    gc.collect()
    gc.freeze()
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, REQUEST_BYTES, 1)
        if not request:
            return
        server = os.getpid()
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            die_with_parent(server)
            with socket.socket(fileno=descriptors[0]) as caller:
                answer = _keep(functions, json.loads(request), caller)
                # The caller has gone when its worker ends in the middle of a file.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    caller.sendall(answer + END)
            os._exit(0)
        os.close(descriptors[0])


def _keep(
    functions: dict[str, Callable[..., object]], request: dict[str, Any], caller: socket.socket
) -> bytes:
    """Runs the function in a child and returns the answer, whatever becomes of the child."""
    limits = Limits(**request["limits"])
    reader, writer = os.pipe()
    keeper = os.getpid()
    child = os.fork()
    if child == 0:
        os.setsid()
        die_with_parent(keeper)
        _run(functions[request["function"]], request["arguments"], limits, writer)
    os.close(writer)
    output, fault = _collect(reader, caller, limits)
    if fault:
        os.kill(child, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return output if not fault and status == 0 else json.dumps(_verdict(fault, status)).encode()


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


def _verdict(fault: str, status: int) -> dict[str, object]:
    if fault:
        return {"fault": fault}
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL:
        return _DIED
    return {"fault": _FAULT_OF_SIGNAL.get(-code, "parser-crashed")}


def _run(
    function: Callable[..., object], arguments: dict[str, Any], limits: Limits, writer: int
) -> NoReturn:
    """The child's life: it never returns to the code above."""
    try:
        writer = _only_descriptor(writer)
        apply(limits)
        _write(writer, _answer(function, arguments))
        os._exit(0)
    finally:
        os._exit(1)


def _only_descriptor(writer: int) -> int:
    """Closes all that was inherited but the pipe to the keeper; silences the rest."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    kept = os.dup2(writer, 3)
    os.closerange(4, _ALL_DESCRIPTORS)
    return kept


def _answer(function: Callable[..., object], arguments: dict[str, Any]) -> bytes:
    try:
        return json.dumps({"result": function(**arguments)}).encode()
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


def _place(error: Exception) -> str:
    """Type and line; never the message, which may quote the document."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {frame.filename}:{frame.lineno}"


def _write(writer: int, answer: bytes) -> None:
    view = memoryview(answer)
    while view:
        view = view[os.write(writer, view) :]


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[2])) as listening:
        serve(sys.argv[1], listening)
