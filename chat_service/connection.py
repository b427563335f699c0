"""The plain side of a WebSocket: frames in, frames out, each with a limit on how long it takes."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final

import orjson

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

SEND_SECONDS: Final = 15.0
CLOSE_NOT_AUTHENTICATED: Final = 4401
CLOSE_NOT_ALLOWED: Final = 4403
CLOSE_TRY_LATER: Final = 1013


class Disconnected(Exception):
    """The client has gone."""


async def end_all(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancels what still runs of a connection, and says what had failed."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception) and not isinstance(result, _GONE):
            logger.error("a connection failed", exc_info=result)


_GONE: Final = (Disconnected, OSError)


class Sender:
    """ASGI's `send` of one connection, which remembers since when it waits for the client."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._under_way = 0
        self._since = time.monotonic()

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if not self._under_way:
            self._since = time.monotonic()
        self._under_way += 1
        try:
            await self._send(message)
        finally:
            self._under_way -= 1
            self._since = time.monotonic()

    def is_stuck(self, now: float) -> bool:
        """Whether the client has taken nothing for too long; `now` is of the monotonic clock."""
        return self._under_way > 0 and now - self._since > SEND_SECONDS

    def quiet_seconds(self, now: float) -> float:
        """Since the last thing that the client took; 0 while it is sent something."""
        return 0.0 if self._under_way else now - self._since


class Connection:
    """An accepted WebSocket.

    Whoever sends waits while the client is slow: nothing is queued here. For how long, `Patience`
    looks at.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self.sender = Sender(send)
        self._sending = asyncio.Lock()
        self._has_gone = asyncio.Event()

    async def receive(self) -> str:
        """The next text frame; empty for a binary one.

        Raises:
            Disconnected: there won't be any more.
        """
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise Disconnected
        text: str | None = message.get("text")
        return text or ""

    async def send(self, frame: Mapping[str, object]) -> None:
        """Raises Disconnected."""
        await self.send_text(orjson.dumps(frame))

    async def send_text(self, body: bytes) -> None:
        """An encoded frame. Raises Disconnected."""
        await self._send({"type": "websocket.send", "text": body.decode()})

    async def close(self, code: int) -> None:
        """Raises Disconnected."""
        await self._send({"type": "websocket.close", "code": code})

    async def gone(self) -> None:
        """Returns when sending has failed."""
        await self._has_gone.wait()

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        try:
            async with self._sending:
                await self.sender(message)
        except OSError as error:
            self._has_gone.set()
            raise Disconnected from error
