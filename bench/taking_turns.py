"""Two sides that never run at once: each is stopped while the other has the machine.

Machines that are shared give a core half of its speed for minutes, and sides that run one after the
other meet different ones. Here both meet the same, some seconds apart.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

SLICE_SECONDS: Final = 2.0
"""Below the time-outs of all that wait for each other; a side doesn't know that it was stopped."""
_PROC: Final = Path("/proc")
_STOPPED_OR_DEAD: Final = frozenset("TZX")

Roots = Callable[[], Iterable[int]]


class Side:
    """Processes with all that they start.

    Args:
        roots: the numbers of those that live.
    """

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._slices: list[tuple[float, float]] = []
        self._since: float | None = None

    def lives(self) -> bool:
        return any(True for _ in self._roots())

    def stop(self) -> None:
        """Parents before their children, again until nobody is left who could start another."""
        while running := [one for one in self._processes() if _state(one) not in _STOPPED_OR_DEAD]:
            _tell(running, signal.SIGSTOP)
        if self._since is not None:
            self._slices.append((self._since, time.time()))
            self._since = None

    def go(self) -> None:
        """Has the machine from now on."""
        if self._since is None:
            self._since = time.time()
        _tell(self._processes(), signal.SIGCONT)

    def seconds_until(self, moment: float) -> float:
        """That this side had the machine before the moment, as by `time.time`."""
        slices = list(self._slices)
        if self._since is not None:
            slices.append((self._since, moment))
        return sum(max(0.0, min(end, moment) - start) for start, end in slices)

    def _processes(self) -> list[int]:
        """Parents before their children. Not by psutil, which looks at all of the machine's: what
        this takes is taken from the side that it stops.
        """
        found = list(self._roots())
        for one in found:
            found += _children(one)
        return found


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


def _children(process: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in (_PROC / str(process) / "task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    return found


def _state(process: int) -> str:
    """A letter of the kernel's; X where it is gone."""
    with contextlib.suppress(OSError):
        return (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()[0]
    return "X"


def _tell(processes: Iterable[int], number: signal.Signals) -> None:
    for one in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, number)
