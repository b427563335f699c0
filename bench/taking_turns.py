"""Two sides that never run at once: each is stopped while the other has the machine.

Machines that are shared give a core half of its speed for minutes, and sides that run one after the
other meet different ones. Here both meet the same, some seconds apart.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import psutil

SLICE_SECONDS: Final = 2.0
"""Below the time-outs of all that wait for each other; a side doesn't know that it was stopped."""

Roots = Callable[[], Iterable[psutil.Process]]


class Side:
    """Processes with all that they start.

    Args:
        roots: those that live.
    """

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._slices: list[tuple[float, float]] = []
        self._since: float | None = None

    def lives(self) -> bool:
        return any(True for _ in self._roots())

    def stop(self) -> None:
        """Parents before their children, again until nobody is left who could start another."""
        while self._send(signal.SIGSTOP, but=psutil.STATUS_STOPPED):
            pass
        if self._since is not None:
            self._slices.append((self._since, time.time()))
            self._since = None

    def go(self) -> None:
        """Has the machine from now on."""
        if self._since is None:
            self._since = time.time()
        self._send(signal.SIGCONT)

    def seconds_until(self, moment: float) -> float:
        """That this side had the machine before the moment, as by `time.time`."""
        slices = list(self._slices)
        if self._since is not None:
            slices.append((self._since, moment))
        return sum(max(0.0, min(end, moment) - start) for start, end in slices)

    def _send(self, number: signal.Signals, *, but: str = "") -> int:
        """To whom, except those in that state; how many there were."""
        sent = 0
        for root in self._roots():
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in (root, *root.children(recursive=True)):
                    sent += _told(process, number, but)
        return sent


@contextlib.contextmanager
def taking_turns(*sides: Side) -> Iterator[None]:
    """Meanwhile each has the machine for a slice, while it lives. In the end all go on."""
    ended = threading.Event()
    thread = threading.Thread(target=_take_turns, args=(sides, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for side in sides:
            side.go()


def _take_turns(sides: tuple[Side, ...], ended: threading.Event) -> None:
    for side in sides:
        side.stop()
    while not ended.is_set():
        living = [side for side in sides if side.lives()]
        for side in living:
            side.go()
            ended.wait(SLICE_SECONDS)
            if len(living) > 1:
                side.stop()


def _told(process: psutil.Process, number: signal.Signals, but: str) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        if process.status() not in {but, psutil.STATUS_ZOMBIE}:
            process.send_signal(number)
            return True
    return False
