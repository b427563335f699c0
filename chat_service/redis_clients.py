"""This process's connections to Redis, and a gate that keeps answers from waiting for a dead one.

Redis only makes things faster and shareable here: every caller can do without it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

T = TypeVar("T")
logger = logging.getLogger(__name__)

COMMAND_SECONDS: Final = 2.0
BLOCKING_SECONDS: Final = 5.0
"""Longer than any command is told to block."""
QUICK_SECONDS: Final = 0.5
"""How long a question waits for Redis."""
PAUSE_SECONDS: Final = 1.0


class RedisAway(Exception):
    """Redis doesn't answer; go on without it."""


def command_client() -> Redis:
    """For commands that answer at once."""
    return _client(COMMAND_SECONDS)


def blocking_client() -> Redis:
    """For commands that wait: reading streams, subscriptions."""
    return _client(BLOCKING_SECONDS)


def _client(seconds: float) -> Redis:
    # One retry at once: a pooled connection is found stale after a restart of Redis.
    client: Redis = Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=seconds,
        socket_connect_timeout=COMMAND_SECONDS,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 1),
    )
    return client


class RedisGate:
    """Lets calls through while Redis answers; after a failure none for a second."""

    def __init__(self) -> None:
        self._closed_until = 0.0
        self.is_away = False

    async def call(self, command: Callable[[], Awaitable[T]]) -> T:
        """The command's answer.

        Raises:
            RedisAway: no answer within half a second, now or a moment ago.
        """
        if time.monotonic() < self._closed_until:
            raise RedisAway
        try:
            async with asyncio.timeout(QUICK_SECONDS):
                answer = await command()
        except (RedisError, OSError, TimeoutError) as error:
            self._close(error)
            raise RedisAway from error
        if self.is_away:
            logger.warning("Redis is back")
        self.is_away = False
        return answer

    def _close(self, error: Exception) -> None:
        if not self.is_away:
            logger.warning("Redis is away: %s", type(error).__name__)
        self.is_away = True
        self._closed_until = time.monotonic() + PAUSE_SECONDS
