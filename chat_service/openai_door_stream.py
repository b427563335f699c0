"""The response of a completion that is streamed: as server-sent events.

Its status waits for the first words: an answer that fails before them is an error like any other.
A model that keeps people waiting for longer is waited for with comments.
"""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from chat_service.connection import SEND_SECONDS, Receive, Send, Sender, end_all
from chat_service.event_stream import HEADERS, HEARTBEAT, HEARTBEAT_SECONDS, disconnected
from chat_service.openai_door_chunks import ChunkWriter
from chat_service.openai_door_errors import ErrorAnswer
from chat_service.problems import send_json
from chat_service.replica import Replica
from chatbot.contracts.errors import Unavailable

if TYPE_CHECKING:
    from chatbot.contracts.errors import AppError

PATIENCE_SECONDS: Final = 10.0
"""How long the status waits for the first words."""
DRAIN_SECONDS: Final = 4.0
"""How long a process that ends lets answers come to their end."""


class CompletionStream:
    """One response. It ends with the answer, the client, this process, or when the reader may not.

    Whatever ends it, the answer goes on.
    """

    def __init__(self, replica: Replica, writer: ChunkWriter, receive: Receive, send: Send) -> None:
        self._replica = replica
        self._writer = writer
        self._receive = receive
        self._send = Sender(send)
        self._sending = asyncio.Lock()
        self._has_started = self._has_refused = False
        self._sent_at = 0.0

    async def tell(self, turn_id: UUID, *, after: int, until: "asyncio.Future[AppError]") -> None:
        ends = {
            asyncio.create_task(self._tell_events(turn_id, after)),
            asyncio.create_task(disconnected(self._receive)),
            asyncio.create_task(self._drained()),
        }
        heartbeats = asyncio.create_task(self._keep_alive())
        with self._replica.patience.watched(self._send) as stuck:
            awaited: set[asyncio.Future[Any]] = {until, stuck, *ends}
            try:
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await end_all({*ends, heartbeats})
            if not stuck.done():
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(SEND_SECONDS):
                        await self._end(until)

    async def _tell_events(self, turn_id: UUID, after: int) -> None:
        batches = self._replica.reader.batches(turn_id, after=after)
        async with contextlib.aclosing(batches):
            async for batch in batches:
                if not self._has_started:
                    failure = self._writer.early_failure(batch)
                    if failure is not None:
                        await self._refuse(failure)
                        return
                data = self._writer.encoded(batch)
                if data:
                    await self._say(data)
                if self._writer.has_ended:
                    return

    async def _keep_alive(self) -> None:
        await asyncio.sleep(PATIENCE_SECONDS)
        loop = asyncio.get_running_loop()
        while True:
            if loop.time() - self._sent_at >= HEARTBEAT_SECONDS or not self._has_started:
                await self._say(HEARTBEAT)
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _drained(self) -> None:
        await self._replica.draining.wait()
        await asyncio.sleep(DRAIN_SECONDS)

    async def _say(self, data: bytes) -> None:
        async with self._sending:
            if not self._has_started:
                self._has_started = True
                start = {"type": "http.response.start", "status": 200, "headers": HEADERS}
                await self._send(start)
                data = self._writer.first() + data
            self._sent_at = asyncio.get_running_loop().time()
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def _refuse(self, failure: ErrorAnswer) -> None:
        self._has_started = True
        self._writer.has_ended = True
        await send_json(self._send, failure.body, status=failure.status, headers=failure.headers)
        self._has_refused = True

    async def _end(self, until: "asyncio.Future[AppError]") -> None:
        """The end of the body; says why, where the answer has not come to its end."""
        if not self._writer.has_ended:
            restarting = Unavailable(
                "The server is restarting; the answer goes on.",
                code="restarting",
                way_out="Read on with GET, stream=true and starting_after.",
            )
            await self._say(self._writer.failed(until.result() if until.done() else restarting))
        if not self._has_refused:
            await self._send({"type": "http.response.body"})
