"""How late the event loop comes to its work."""

import asyncio
import time
from collections import deque
from typing import Final

from chat_service.metrics import loop_lag

LOOK_SECONDS: Final = 0.25
REMEMBERED_LOOKS: Final = 40
"""Ten seconds."""


class LoopWatch:
    """Looks four times a second; a loop that is held up comes late to it."""

    def __init__(self) -> None:
        self._lags: deque[float] = deque(maxlen=REMEMBERED_LOOKS)
        self._due = time.monotonic()

    @property
    def worst_lag_seconds(self) -> float:
        """Of the last ten seconds, up to now."""
        return max([0.0, time.monotonic() - self._due, *self._lags])

    async def run(self) -> None:
        """Never ends."""
        while True:
            self._due = time.monotonic() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            lag = max(0.0, time.monotonic() - self._due)
            self._lags.append(lag)
            loop_lag.observe(lag)
