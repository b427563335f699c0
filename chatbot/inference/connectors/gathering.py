"""How long pieces of a streamed answer may gather before they are looked at.

A look costs about the same for one token as for ten: a task is woken, the log appended to, readers
are written to. So with many answers at once each is looked at less often, and what came meanwhile
is taken together; with few, every piece is passed on at once. The first words always are.

What gathers, does so in the kernel: the connection isn't read.
"""

import asyncio
from typing import Final

FEW_STREAMS: Final = 10
"""So many answers are passed on piece by piece."""
MANY_STREAMS: Final = 50
SMOOTH_SECONDS: Final = 0.1
"""So many are looked at ten times a second each, which people still read as flowing."""
SECONDS_PER_STREAM: Final = 0.0005
"""For each one beyond."""
LONGEST_SECONDS: Final = 0.3
SLOT_SECONDS: Final = 0.010
"""Answers whose time comes within one slot are woken by one timer."""


class Gathering:
    """All streamed answers of one event loop."""

    def __init__(self) -> None:
        self.streams = 0
        self._loop = asyncio.get_running_loop()
        self._slots: dict[int, list[asyncio.Future[None]]] = {}

    @property
    def seconds(self) -> float:
        """Between two looks at one answer, as things are."""
        if self.streams <= FEW_STREAMS:
            return 0.0
        if self.streams <= MANY_STREAMS:
            share = (self.streams - FEW_STREAMS) / (MANY_STREAMS - FEW_STREAMS)
            return SMOOTH_SECONDS * share
        beyond = self.streams - MANY_STREAMS
        return min(LONGEST_SECONDS, SMOOTH_SECONDS + SECONDS_PER_STREAM * beyond)

    def is_due(self, looked_at: float) -> bool:
        return self._loop.time() - looked_at >= self.seconds

    async def until_due(self, looked_at: float) -> None:
        """Returns when it is time for the next look; `looked_at` is of the loop's clock."""
        number = int((looked_at + self.seconds) / SLOT_SECONDS) + 1
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = []
            self._loop.call_at(number * SLOT_SECONDS, self._end, number)
        waiting = self._loop.create_future()
        slot.append(waiting)
        await waiting

    def _end(self, number: int) -> None:
        for waiting in self._slots.pop(number):
            if not waiting.done():
                waiting.set_result(None)
