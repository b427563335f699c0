"""How long clients may take to take what they are sent: looked at for all of them together.

A timer for each event would cost as much as sending it.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Final

from chat_service.connection import Sender

LOOK_SECONDS: Final = 1.0


class Patience:
    """With all clients of this process."""

    def __init__(self) -> None:
        self._open: dict[Sender, asyncio.Future[None]] = {}

    @contextlib.contextmanager
    def watched(self, sender: Sender) -> Iterator["asyncio.Future[None]"]:
        """While a connection is open; the future gets a result when its client is stuck."""
        stuck = self._open[sender] = asyncio.get_running_loop().create_future()
        try:
            yield stuck
        finally:
            del self._open[sender]
            stuck.cancel()

    async def run(self) -> None:
        """Never ends."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            for sender, stuck in self._open.items():
                if sender.is_stuck(now) and not stuck.done():
                    stuck.set_result(None)
