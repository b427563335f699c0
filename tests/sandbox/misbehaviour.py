"""What a hostile file can make a reader do; imported by the sandbox's server in the tests."""

import ctypes
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from chatbot.contracts.errors import DocumentFault, Unavailable

QUESTION = 5
"""The descriptor on which a child asks."""


def echo(*, text: str) -> str:
    return text


def numbers() -> list[int]:
    """This process, its parent and its group."""
    return [os.getpid(), os.getppid(), os.getpgid(0)]


def environment() -> dict[str, str]:
    return dict(os.environ)


def refuse() -> NoReturn:
    raise DocumentFault("It needs a password.", code="file-encrypted")


def be_unavailable() -> NoReturn:
    raise Unavailable("No data for Korean.", code="ocr-data-missing", way_out="Install them.")


def raise_error() -> NoReturn:
    raise KeyError("words of the document")


def eat_memory() -> int:
    return len(bytearray(4 << 30))


def abort() -> None:
    os.abort()


def crash() -> None:
    ctypes.string_at(0)


def burn() -> NoReturn:
    while True:
        pass


def sleep() -> None:
    time.sleep(60)


def talk() -> str:
    return "x" * (2 << 20)


def write(*, file: str) -> bool:
    try:
        Path(file).write_bytes(b"x")
    except OSError:
        return False
    return True


def connect(*, port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def killed_by_the_system() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def ask_back(*, ask: Callable[[object], object], text: str = "", path: str = "") -> object:
    return ["told", ask({"asks": Path(path).read_text() if path else text})]


def ask_often(*, ask: Callable[[object], object], times: int) -> list[object]:
    return [ask({"number": number}) for number in range(times)]


def ask_nothing(*, length: int, **_: object) -> str:
    return "x" * length


def die_asking(**_: object) -> None:
    os.write(QUESTION, b"{")
    ctypes.string_at(0)


def ask_on(**_: object) -> NoReturn:
    """A question without an end."""
    while True:
        os.write(QUESTION, b"x" * 65_536)


def ask_nonsense(**_: object) -> str:
    os.write(QUESTION, b"\xff[\n")
    return os.read(QUESTION, 100).decode()


FUNCTIONS = {
    function.__name__: function
    for function in (
        echo,
        numbers,
        environment,
        refuse,
        be_unavailable,
        raise_error,
        eat_memory,
        abort,
        crash,
        burn,
        sleep,
        talk,
        write,
        connect,
        killed_by_the_system,
        ask_back,
        ask_often,
        ask_nothing,
        die_asking,
        ask_on,
        ask_nonsense,
    )
}
