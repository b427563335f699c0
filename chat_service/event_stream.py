"""What responses of server-sent events have in common."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from chat_service.connection import SEND_SECONDS, Receive, Send, Sender, end_all
from chat_service.patience import end
from chat_service.replica import Replica

if TYPE_CHECKING:
    from chatbot.contracts.errors import AppError

HEARTBEAT: Final = b": still there\n\n"
HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class EventStream(ABC):
    """One response. It ends with its events, the client, this process, or when the reader may not.

    Whatever ends it, the answer that it tells of goes on.
    """

    drain_seconds: float
    """How long it may stay when the process ends: answers that end meanwhile are told whole."""

    def __init__(self, replica: Replica, receive: Receive, send: Send) -> None:
        self._replica = replica
        self._receive = receive
        self._send = Sender(send)
        self._sending = asyncio.Lock()
        self._has_begun = False

    async def tell(
        self, events: Coroutine[Any, Any, None], *, until: "asyncio.Future[AppError]"
    ) -> None:
        """What the coroutine says, to its end or until somebody signed the reader out."""
        parts = {
            asyncio.create_task(events),
            asyncio.create_task(disconnected(self._receive)),
        }
        with self._replica.patience.watched(
            self._send, beat=self._beat, leaves_after=self.drain_seconds
        ) as over:

            def end_it(_: object) -> None:
                end(over)

            ends: set[asyncio.Future[Any]] = {until, *parts}
            for one in ends:
                one.add_done_callback(end_it)
            try:
                may_be_told = await over
            finally:
                until.remove_done_callback(end_it)
                await end_all(parts)
        if may_be_told:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(SEND_SECONDS):
                    await self._end(until)

    @abstractmethod
    async def _end(self, until: "asyncio.Future[AppError]") -> None:
        """The end of the body."""

    @abstractmethod
    def _first(self) -> bytes:
        """What the body begins with."""

    async def _say(self, body: bytes) -> None:
        async with self._sending:
            if not self._has_begun:
                self._has_begun = True
                await self._send({"type": "http.response.start", "status": 200, "headers": HEADERS})
                body = self._first() + body
            await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def _beat(self) -> None:
        await self._say(HEARTBEAT)


async def disconnected(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
