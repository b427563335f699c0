"""How long pieces of a streamed answer may gather before they are looked at.

A look costs about the same for one token as for ten: a task is woken, the log appended to, readers
are written to. So with many answers at once each is looked at less often, and what came meanwhile
is taken together; with few, every piece is passed on at once. The first words always are.

What gathers, does so in the kernel: the connection isn't read.
"""

import asyncio
import math
from typing import Final

FEW_STREAMS: Final = 10
"""So many answers are passed on piece by piece."""
SECONDS_PER_STREAM: Final = 0.01
"""For each one beyond."""
SMOOTH_SECONDS: Final = 0.2
"""Thirty are looked at four times a second each, slots included, which still reads as flowing."""
SECONDS_PER_FURTHER: Final = 0.0005
LONGEST_SECONDS: Final = 0.3


class Gathering:
    """All streamed answers of one event loop."""

    def __init__(self) -> None:
        self.streams = 0
        self._loop = asyncio.get_running_loop()
        self._slots: dict[float, list[asyncio.Future[None]]] = {}

    @property
    def seconds(self) -> float:
        """Between two looks at one answer, as things are."""
        wished = SECONDS_PER_STREAM * max(0, self.streams - FEW_STREAMS)
        if wished <= SMOOTH_SECONDS:
            return wished
        further = (wished - SMOOTH_SECONDS) / SECONDS_PER_STREAM
        return min(LONGEST_SECONDS, SMOOTH_SECONDS + SECONDS_PER_FURTHER * further)

    def is_due(self, looked_at: float) -> bool:
        return self._loop.time() - looked_at >= self.seconds

    async def until_due(self, looked_at: float) -> None:
        """Returns when it is time for the next look; `looked_at` is of the loop's clock."""
        slot_seconds = self._slot_seconds()
        at = math.ceil((looked_at + self.seconds) / slot_seconds) * slot_seconds
        slot = self._slots.get(at)
        if slot is None:
            slot = self._slots[at] = []
            self._loop.call_at(at, self._end, at)
        waiting = self._loop.create_future()
        slot.append(waiting)
        await waiting

    def _slot_seconds(self) -> float:
        """Answers whose time comes within one slot are woken together, and logged at once.

        A quarter to half of the time between two looks: a power of two, so that slots stay where
        they are when answers begin and end.
        """
        _, exponent = math.frexp(self.seconds)
        return math.ldexp(1, exponent - 2)

    def _end(self, at: float) -> None:
        for waiting in self._slots.pop(at):
            if not waiting.done():
                waiting.set_result(None)
