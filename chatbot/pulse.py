"""Whether something still moves."""

import time


class Pulse:
    """Tells whether somebody did something lately; threads may share it."""

    def __init__(self, *, within_seconds: float) -> None:
        """Until the first beat it is as if there had just been one."""
        self._within_seconds = within_seconds
        self._last = time.monotonic()

    def beat(self) -> None:
        self._last = time.monotonic()

    @property
    def is_felt(self) -> bool:
        return time.monotonic() - self._last < self._within_seconds
