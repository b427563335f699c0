"""The response of a completion that is streamed: as server-sent events.

Its status waits for the first words: an answer that fails before them is an error like any other.
A model that keeps people waiting for longer is waited for with comments.
"""

import contextlib
from typing import TYPE_CHECKING
from uuid import UUID

from chat_service.connection import Receive, Send
from chat_service.event_stream import EventStream
from chat_service.openai_door_chunks import ChunkWriter
from chat_service.openai_door_errors import ErrorAnswer
from chat_service.problems import send_json
from chat_service.replica import Replica
from chatbot.contracts.errors import Unavailable

if TYPE_CHECKING:
    import asyncio

    from chatbot.contracts.errors import AppError


class CompletionStream(EventStream):
    """Clients of OpenAI's API don't come back by themselves."""

    drain_seconds = 4.0

    def __init__(self, replica: Replica, writer: ChunkWriter, receive: Receive, send: Send) -> None:
        super().__init__(replica, receive, send)
        self._writer = writer
        self._has_refused = False

    async def turn(self, turn_id: UUID, *, after: int) -> None:
        """Says the turn's events after a number, as chunks; for `tell`."""
        batches = self._replica.reader.batches(turn_id, after=after)
        async with contextlib.aclosing(batches):
            async for batch in batches:
                if not self._has_begun:
                    failure = self._writer.early_failure(batch)
                    if failure is not None:
                        await self._refuse(failure)
                        return
                data = self._writer.encoded(batch)
                if data:
                    await self._say(data)
                if self._writer.has_ended:
                    return

    def _first(self) -> bytes:
        return self._writer.first()

    async def _refuse(self, failure: ErrorAnswer) -> None:
        self._has_begun = True
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
