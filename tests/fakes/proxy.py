"""A TCP proxy that can be cut or frozen: a server that is away for a while, untouched itself."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tests.servers import free_port

CHUNK_BYTES = 65536


class Proxy:
    """Listens on its own port; `cut` ends all connections and refuses new ones."""

    def __init__(self, target: str) -> None:
        address = urlsplit(target)
        self.port = free_port()
        self._host, self._port = address.hostname or "", address.port or 0
        self._target = address
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._flows.set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        """The target's address by way of the proxy."""
        credentials, separator, _ = self._target.netloc.rpartition("@")
        return urlunsplit(
            self._target._replace(netloc=f"{credentials}{separator}127.0.0.1:{self.port}")
        )

    def start(self) -> None:
        self._thread.start()
        self._do(self._open())

    def cut(self) -> None:
        self._do(self._close())

    def restore(self) -> None:
        self._do(self._open())

    def freeze(self) -> None:
        """Connections stay, and nothing passes any more."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def thaw(self) -> None:
        self._loop.call_soon_threadsafe(self._flows.set)

    def end(self) -> None:
        self._do(self._close())
        self._do(self._finished())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0.05)

    async def _finished(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there[1]}
        try:
            await asyncio.gather(self._pump(reader, there[1]), self._pump(there[0], writer))
        finally:
            self._writers -= {writer, there[1]}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@contextlib.contextmanager
def running_proxy(target: str) -> Iterator[Proxy]:
    """A proxy in front of a server; `target` is its address, such as `redis://…`."""
    proxy = Proxy(target)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.end()
