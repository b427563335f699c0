"""A streamed response that can be ended from outside at any moment, and that never waits for ever.

One task per response waits for `stop`, and one timer for the limits. Each closes the response,
which wakes the reader; so reading costs nothing extra per token, and nobody cancels the reader's
task. Before there is a response, opening it is given up, which aiohttp's pool survives.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Protocol, Self

from chatbot.inference.connectors.errors import InferenceError, ServerTimedOut
from chatbot.inference.connectors.protocol import StreamLimits
from chatbot.inference.connectors.requests import Answered
from chatbot.inference.connectors.statuses import BODY_BYTES_LIMIT
from chatbot.inference.connectors.transport import connections

LOOK_SECONDS = 1.0
"""How soon a limit that has passed is looked at again while nobody waits for bytes."""
DRAIN_SECONDS = 0.1


class Streamed(Answered, Protocol):
    """A response whose body comes piece by piece."""

    @property
    def trailers(self) -> Mapping[str, str]:
        """What came behind the body."""
        ...

    async def read(self) -> bytes:
        """The next bytes; empty at the end. Raises InferenceError."""
        ...

    def pause(self) -> None:
        """Leaves what comes in the kernel; may do nothing."""
        ...

    def resume(self) -> None:
        """Takes what comes again."""
        ...

    async def aclose(self) -> None:
        """At any moment, also while somebody reads: that ends with an InferenceError."""
        ...


class StopAsked(Exception):
    """`stop` was set."""


class WatchedResponse:
    """Opened on entry, closed on exit. Entering and reading raise `StopAsked` or InferenceError."""

    def __init__(
        self,
        open_response: Callable[[], Awaitable[Streamed]],
        *,
        stop: asyncio.Event,
        limits: StreamLimits,
    ) -> None:
        self._gathering = connections().gathering
        self._open = open_response
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        self._ends_at = self._time() + limits.total
        self._waits_since = self._left_at = self._time()
        self._limit = limits.first_token
        self._is_waiting = True
        self._verdict: StopAsked | InferenceError | None = None
        self._response: Streamed | None = None
        self._opening = asyncio.timeout(None)
        """Given up when the watch says so."""

    @property
    def response(self) -> Streamed:
        """Status and headers."""
        if self._response is None:
            raise RuntimeError("not entered")
        return self._response

    async def __aenter__(self) -> Self:
        self._gathering.streams += 1
        self._watching = asyncio.create_task(self._watch())
        self._timer = self._loop.call_later(self._seconds_left(), self._look)
        try:
            try:
                async with self._opening:
                    self._response = await self._open()
            except (TimeoutError, InferenceError):
                self._raise_verdict()
                raise
            self._raise_verdict()
        except BaseException:
            await self._close()
            raise
        self._left_at = self._time()
        self._is_waiting = False
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    async def read(self) -> bytes:
        """The next bytes; empty at the end."""
        self._raise_verdict()
        self._skip_own_time()
        self._is_waiting = True
        try:
            return await self.response.read()
        except InferenceError:
            self._raise_verdict()
            raise
        finally:
            self._is_waiting = False
            self._left_at = self._time()

    async def gather(self) -> None:
        """Leaves what comes next in the kernel, until it is time to look at it."""
        self._skip_own_time()
        if self._left_at - self._waits_since >= self._limit:
            # The watch sees that only while somebody waits for bytes.
            raise self._timed_out()
        if not self._gathering.is_due(self._left_at):
            self.response.pause()
            await self._gathering.until_due(self._left_at)
            self.response.resume()
            # The server had this time: its limits go on.
            self._left_at = self._time()

    async def read_error(self) -> bytes:
        """The body of an answer that isn't a success, as much as is of use."""
        body = b""
        while len(body) < BODY_BYTES_LIMIT and (piece := await self.read()):
            body += piece
        return body

    async def drain(self) -> None:
        """Reads what little is left, so that the connection can be used again; doesn't wait."""
        with contextlib.suppress(TimeoutError, StopAsked, InferenceError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while await self.read():
                    pass

    def made_progress(self, *, limit: float) -> None:
        """A token came; the next one may take `limit` seconds."""
        self._waits_since = self._left_at = self._time()
        if limit != self._limit:
            self._limit = limit
            self._timer.cancel()
            self._look()

    def _skip_own_time(self) -> None:
        """What the reader did meanwhile is not the server's time."""
        now = self._time()
        self._waits_since += now - self._left_at
        self._left_at = now

    def _timed_out(self) -> ServerTimedOut:
        return ServerTimedOut(f"no token for {self._limit:g} s, or too long in all")

    def _raise_verdict(self) -> None:
        if self._verdict is not None:
            raise self._verdict

    async def _watch(self) -> None:
        await self._stop.wait()
        await self._end(StopAsked())

    def _look(self) -> None:
        if (seconds := self._seconds_left()) > 0:
            self._timer = self._loop.call_later(seconds, self._look)
        elif self._verdict is None:
            self._watching.cancel()
            self._watching = asyncio.create_task(self._end(self._timed_out()))

    async def _end(self, verdict: StopAsked | InferenceError) -> None:
        self._verdict = verdict
        if self._response is not None:
            await self._response.aclose()
        else:
            self._opening.reschedule(self._time())

    def _seconds_left(self) -> float:
        """Until limits have to be looked at again; nothing left: one has passed."""
        now = self._time()
        left = self._waits_since + self._limit - now
        if not self._is_waiting:
            left = max(left, LOOK_SECONDS)
        return min(left, self._ends_at - now)

    async def _close(self) -> None:
        self._gathering.streams -= 1
        self._timer.cancel()
        self._watching.cancel()
        if self._response is not None:
            await self._response.aclose()
