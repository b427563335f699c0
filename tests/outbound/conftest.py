"""Servers on the loopback interface: one that counts who comes, one that says what it is told."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from chatbot.outbound.addresses import PrivateHosts

TRUSTED = "trusted.example"
"""The one name that these tests allow to be private."""


class Trap:
    """Listens on one port of both loopback addresses; nobody should ever come."""

    def __init__(self) -> None:
        self.connections = 0
        self._stopped = threading.Event()
        first = socket.create_server(("127.0.0.1", 0))
        self.port: int = first.getsockname()[1]
        second = socket.create_server(("::1", self.port), family=socket.AF_INET6)
        self._listeners = [first, second]
        self._threads = [
            threading.Thread(target=self._count, args=[listener]) for listener in self._listeners
        ]
        for listener, thread in zip(self._listeners, self._threads, strict=True):
            listener.settimeout(0.05)
            thread.start()

    def _count(self, listener: socket.socket) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                self.connections += 1
                connection.close()

    def closed(self) -> int:
        """How many have come; who is still in the queue is counted, too."""
        if not self._stopped.is_set():
            self._close()
        return self.connections

    def _close(self) -> None:
        for listener in self._listeners:
            with contextlib.suppress(TimeoutError):
                listener.accept()[0].close()
                self.connections += 1
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        for listener in self._listeners:
            listener.close()


@pytest.fixture
def trap() -> Iterator[Trap]:
    listening = Trap()
    yield listening
    listening.closed()


@pytest.fixture(autouse=True)
def _one_trusted_name(settings: Settings) -> None:
    settings.OUTBOUND_PRIVATE_HOSTS = PrivateHosts.of([TRUSTED])
