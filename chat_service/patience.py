"""How long clients may take to take what they are sent: looked at for all of them together.

So are those that were sent nothing for a while. A timer for each event would cost as much as
sending it, and one for each client as much as many events.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Final

from chat_service.connection import Sender, end_all

LOOK_SECONDS: Final = 1.0
QUIET_SECONDS: Final = 10.0
"""After so long a client is told that the answer is still coming; and again."""

Beat = Callable[[], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class _Client:
    over: asyncio.Future[bool]
    beat: Beat | None
    leaves_after: float | None


class Patience:
    """With all clients of this process."""

    def __init__(self) -> None:
        self._open: dict[Sender, _Client] = {}
        self._beats: set[asyncio.Task[None]] = set()
        self._is_draining = False

    @contextlib.contextmanager
    def watched(
        self, sender: Sender, *, beat: Beat | None = None, leaves_after: float | None = None
    ) -> Iterator["asyncio.Future[bool]"]:
        """While a connection is open; the future gets a result when it has to end.

        True: the client may be told so. False: it is stuck, and takes nothing.

        `beat`: sends something, called whenever nothing was sent for a while. `leaves_after`:
        seconds for which it may stay when this process ends; None: that ends it otherwise.
        """
        client = _Client(asyncio.get_running_loop().create_future(), beat, leaves_after)
        self._open[sender] = client
        if self._is_draining:
            _let_go(client)
        try:
            yield client.over
        finally:
            del self._open[sender]
            client.over.cancel()

    def drain(self) -> None:
        """This process ends, and every event stream in its time."""
        self._is_draining = True
        for client in self._open.values():
            _let_go(client)

    async def run(self) -> None:
        """Never ends."""
        try:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                self._look(time.monotonic())
        finally:
            await end_all(self._beats)

    def _look(self, now: float) -> None:
        for sender, client in self._open.items():
            if sender.is_stuck(now):
                end(client.over, may_be_told=False)
            elif client.beat is not None and sender.quiet_seconds(now) >= QUIET_SECONDS:
                task = asyncio.create_task(client.beat())
                self._beats.add(task)
                task.add_done_callback(self._beaten)

    def _beaten(self, task: "asyncio.Task[None]") -> None:
        self._beats.discard(task)
        if not task.cancelled():
            # Whoever can't be told has gone, which its connection sees.
            task.exception()


def end(over: "asyncio.Future[bool]", *, may_be_told: bool = True) -> None:
    """Ends a connection; whoever says so first is heard."""
    if not over.done():
        over.set_result(may_be_told)


def _let_go(client: _Client) -> None:
    if client.leaves_after is not None:
        asyncio.get_running_loop().call_later(client.leaves_after, end, client.over)
