"""A web server on the loopback interface that answers each path with the bytes it was given."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_PATIENCE_SECONDS = 10


class WebServer:
    """`answers` of a path are given one after the other, the last one again and again.

    An answer is what goes over the wire, in pieces; `seconds_between` pass before each.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, list[Iterable[bytes]]] = {}
        self.requests: list[bytes] = []
        self.seconds_between = 0.0
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def url(self, path: str = "/", *, host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def gives(
        self, path: str, content: bytes = b"", *, status: str = "200 OK", headers: str = ""
    ) -> None:
        """Adds an answer of one piece; `headers` are whole lines."""
        head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(content)}\r\n\r\n"
        self.answers.setdefault(path, []).append([head.encode() + content])

    def redirects(self, path: str, location: str, *, status: str = "302 Found") -> None:
        self.gives(path, status=status, headers=f"Location: {location}\r\n")

    def close(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._hold, args=[connection])
                self._threads.append(thread)
                thread.start()

    def _hold(self, plain: socket.socket) -> None:
        plain.settimeout(_PATIENCE_SECONDS)
        with contextlib.suppress(OSError), plain:
            wrapped = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            with wrapped:
                self._answer(wrapped)

    def _answer(self, connection: socket.socket) -> None:
        request = b""
        while not _is_whole(request):
            piece = connection.recv(65_536)
            if not piece:
                return
            request += piece
        self.requests.append(request)
        path = request.split(b" ", 2)[1].decode()
        answers = self.answers.get(path) or [[b"HTTP/1.1 404 Not Found\r\n\r\n"]]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        for piece in answer:
            if self._stopped.wait(self.seconds_between):
                return
            connection.sendall(piece)


def _is_whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return bool(end) and len(body) >= int(length or 0)


@contextlib.contextmanager
def running_web_server(*, tls: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    server = WebServer(tls=tls)
    try:
        yield server
    finally:
        server.close()
