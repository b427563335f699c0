"""A scripted `clamd`: speaks INSTREAM over a real socket and knows one virus, EICAR's test file."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR" + rb"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The string that every scanner finds and that harms nobody; in two pieces, for their sake."""
_SECONDS = 30.0


class Clamd:
    """Answers one connection after the other.

    Attributes:
        seen: the files that were sent, whole.
        size_limit: bytes from which on it refuses and hangs up, as StreamMaxLength.
        says: an answer that it gives whatever it is sent; empty: it hangs up without one.
    """

    def __init__(self, listening: socket.socket) -> None:
        self.seen: list[bytes] = []
        self.size_limit = 1 << 30
        self.says: bytes | None = None
        self._listening = listening

    @property
    def url(self) -> str:
        name = self._listening.getsockname()
        return f"unix://{name}" if isinstance(name, str) else f"tcp://{name[0]}:{name[1]}"

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                with client, contextlib.suppress(OSError):
                    client.settimeout(_SECONDS)
                    client.sendall(self._answer(client))

    def _answer(self, client: socket.socket) -> bytes:
        if _exactly(client, len(b"zINSTREAM\x00")) != b"zINSTREAM\x00":
            return b"UNKNOWN COMMAND\x00"
        content = bytearray()
        while length := int.from_bytes(_exactly(client, 4), "big"):
            content += _exactly(client, length)
            if len(content) > self.size_limit:
                return b"INSTREAM size limit exceeded. ERROR\x00"
        self.seen.append(bytes(content))
        if self.says is not None:
            return self.says
        return b"stream: Eicar-Test-Signature FOUND\x00" if EICAR in content else b"stream: OK\x00"


def _exactly(client: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        piece = client.recv(count - len(found))
        if not piece:
            raise ConnectionResetError
        found += piece
    return bytes(found)


@contextlib.contextmanager
def clamd(*, socket_file: Path | None = None) -> Iterator[Clamd]:
    """A scanner at a free port of this machine, or at a socket with this name."""
    if socket_file is None:
        listening = socket.create_server(("127.0.0.1", 0))
    else:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(socket_file))
        listening.listen()
    scanner = Clamd(listening)
    thread = threading.Thread(target=scanner.serve)
    thread.start()
    try:
        yield scanner
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(_SECONDS)
