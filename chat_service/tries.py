"""Which servers an answer may still be asked of, after one has failed.

Before the first token any other endpoint will do. After it, only one that can continue the text;
where there is no other, that may be the same one, which had a moment to come back.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from chat_service.endpoints import Directory, Endpoint
from chatbot.inference.connectors.errors import InferenceError

MAX_TRIES: Final = 3
PAUSE_SECONDS: Final = (0.5, 2.0)
"""Before the same server is asked again, after the first and the second failure."""
ASK_SECONDS: Final = 2.0


class Tries:
    """Of one answer."""

    def __init__(self, endpoints: Sequence[Endpoint], directory: Directory) -> None:
        self.endpoints = list(endpoints)
        self._directory = directory
        self._failed: list[Endpoint] = []
        self._began: float | None = None
        self._is_over = False

    def begin(self, place: UUID) -> Endpoint:
        """The endpoint whose place admission gave."""
        if self._began is None:
            self._began = time.monotonic()
        return next(one for one in self.endpoints if one.gauge.id == place)

    def failed(self, endpoint: Endpoint, error: InferenceError) -> None:
        """The answer broke off there, or did not begin."""
        self._directory.failed(endpoint, error)
        self.endpoints.remove(endpoint)
        self._failed.append(endpoint)
        seconds = time.monotonic() - (self._began or 0.0)
        is_late = seconds >= endpoint.total_seconds
        is_worth_it = error.is_worth_another_endpoint and not is_late
        self._is_over = len(self._failed) >= MAX_TRIES or not is_worth_it

    async def go_on(self, error: InferenceError, *, has_begun: bool, stop: asyncio.Event) -> None:
        """Leaves the endpoints that can be asked now.

        Raises:
            InferenceError: the error, where there is none, or no use in another try.
        """
        if self._is_over:
            raise error
        if has_begun:
            self.endpoints = await _that_continue(self.endpoints)
        if has_begun and not self.endpoints:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE_SECONDS[len(self._failed) - 1])
            self.endpoints = await _that_continue(list(dict.fromkeys(self._failed)))
        if not self.endpoints:
            raise error


async def _that_continue(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    able = await asyncio.gather(*map(_continues, endpoints))
    return [endpoint for endpoint, can in zip(endpoints, able, strict=True) if can]


async def _continues(endpoint: Endpoint) -> bool:
    """Known beforehand, as a rule; a server that doesn't answer now can't."""
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return (await endpoint.connector.capabilities()).continues
    except (InferenceError, TimeoutError):
        return False
