"""Values that are read now and then and needed at once."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from chatbot.contracts.errors import AppError, Unavailable

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

FRESH_SECONDS: Final = 5.0
USABLE_SECONDS: Final = 60.0
"""Older values are given only while they can't be read anew."""
MAX_VALUES: Final = 200


@dataclass(frozen=True, slots=True)
class _Known(Generic[T]):
    value: T
    read_at: float


class Remembered(Generic[K, T]):
    """What `read` says for a key: at most a few seconds old, and then read anew beside its use."""

    def __init__(self, read: Callable[[K], Awaitable[T]]) -> None:
        self._read = read
        self._known: dict[K, _Known[T]] = {}
        self._reading: dict[K, asyncio.Task[T]] = {}

    async def get(self, key: K) -> T:
        """The value; an old one while reading is Unavailable.

        Raises:
            Unavailable: `read` does, and nothing is known.
            AppError: `read` says that there is no value.
        """
        known = self._known.get(key)
        age = time.monotonic() - known.read_at if known else USABLE_SECONDS
        if age < FRESH_SECONDS and known:
            return known.value
        reading = self._begin_reading(key)
        if age < USABLE_SECONDS and known:
            return known.value
        try:
            return await asyncio.shield(reading)
        except Unavailable:
            if known is None:
                raise
        return known.value

    async def read_again(self) -> None:
        """Reads all that is known, because it has changed; what can't be read stays."""
        self._known = {key: _Known(one.value, -USABLE_SECONDS) for key, one in self._known.items()}
        for key in list(self._known):
            with contextlib.suppress(AppError):
                await self.get(key)

    def _begin_reading(self, key: K) -> "asyncio.Task[T]":
        if key not in self._reading:
            task = self._reading[key] = asyncio.create_task(self._refresh(key))
            task.add_done_callback(_note_exception)
        return self._reading[key]

    async def _refresh(self, key: K) -> T:
        try:
            value = await self._read(key)
        except Unavailable:
            raise
        except AppError:
            self._known.pop(key, None)
            raise
        finally:
            del self._reading[key]
        if len(self._known) >= MAX_VALUES:
            self._known.clear()
        self._known[key] = _Known(value, time.monotonic())
        return value


def _note_exception(task: "asyncio.Task[Any]") -> None:
    """Whoever waits gets it; with nobody waiting the old value is used, and it is tried again."""
    if not task.cancelled():
        task.exception()
