"""Figures and health of a process that answers no requests otherwise: workers, the scheduler."""

import contextlib
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, cast

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from chatbot.contracts.errors import AppError
from chatbot.contracts.problems import status_and_title
from chatbot.metrics_readers import check_reader

HEALTH_PATH: Final = "/healthz"
METRICS_PATH: Final = "/metrics"
_REQUEST_SECONDS: Final = 5.0


class _Handler(BaseHTTPRequestHandler):
    timeout = _REQUEST_SECONDS

    def do_GET(self) -> None:
        status, body = HTTPStatus.NOT_FOUND.value, b"Not found\n"
        if self.path == HEALTH_PATH:
            status, body = self._health()
        elif self.path == METRICS_PATH:
            status, body = self._figures()
        self.send_response(status)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        # Whoever asks may have hung up.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def _health(self) -> tuple[int, bytes]:
        server = cast("_Server", self.server)
        return (200, b"ok\n") if server.is_well() else (503, b"stuck\n")

    def _figures(self) -> tuple[int, bytes]:
        try:
            check_reader(header=self.headers.get, address=self.client_address[0])
        except AppError as error:
            status, _ = status_and_title(error)
            return status, f"{error.sentence} {error.way_out}\n".encode()
        return HTTPStatus.OK.value, generate_latest(REGISTRY)

    def log_message(self, *_: object) -> None:
        """A line for each look says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, is_well: Callable[[], bool]) -> None:
        # All addresses: whoever watches is another container.
        super().__init__(("", port), _Handler)
        self.is_well = is_well


def serve_metrics(*, port: int, is_well: Callable[[], bool]) -> _Server | None:
    """Answers in the background: 200 or 503 at `/healthz`, figures at `/metrics`.

    Args:
        port: on all addresses; 0: nothing is served.
        is_well: asked at each look; must not wait.

    Raises:
        OSError: the port is taken.
    """
    if not port:
        return None
    server = _Server(port, is_well)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
