"""Counters in Redis: how often something may happen in a window of time.

Counting is atomic, so that many requests at once don't pass together. Without Redis nothing is
limited, and the log says so once: a limit protects the service and must not be what stops it.
"""

import hashlib
import logging
import time
from functools import cache
from typing import Final

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.exceptions import RedisError
from redis.retry import Retry

from chatbot.contracts import keys

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS: Final = 0.5
"""A request waits this long for its counter at most."""
PAUSE_SECONDS: Final = 5.0
"""After a failure Redis is left alone for this long: requests must not queue for its time-outs."""

_COUNT: Final = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return count
"""


class _Outage:
    """Whether Redis is away, so that it is said once and not asked at every request."""

    def __init__(self) -> None:
        self._is_away = False
        self._ask_again_at = 0.0

    def is_pausing(self) -> bool:
        return self._is_away and time.monotonic() < self._ask_again_at

    def begin(self, error: Exception) -> None:
        if not self._is_away:
            logger.warning("rate limits are off until Redis is back: %s", type(error).__name__)
        self._is_away = True
        self._ask_again_at = time.monotonic() + PAUSE_SECONDS

    def end(self) -> None:
        if self._is_away:
            logger.warning("rate limits are on again")
        self._is_away = False


_outage = _Outage()


def hit(*, scope: str, identity: str, limit: int, window_seconds: int) -> int | None:
    """Counts one more; None: it may happen, else the seconds until the next window.

    `identity` may name a person or an address: only its digest becomes part of a Redis key.
    """
    if _outage.is_pausing():
        return None
    now = _now()
    window = int(now // window_seconds)
    key = keys.throttle(scope, _digest(identity), window)
    try:
        count: int = _counting()([key], [window_seconds + 1])
    except RedisError as error:
        _outage.begin(error)
        return None
    _outage.end()
    return None if count <= limit else max(1, round((window + 1) * window_seconds - now))


def forget(*, scope: str, identity: str, window_seconds: int) -> None:
    """Takes back what was counted in this window."""
    if _outage.is_pausing():
        return
    window = int(_now() // window_seconds)
    try:
        _client().delete(keys.throttle(scope, _digest(identity), window))
    except RedisError as error:
        _outage.begin(error)


@cache
def _client() -> Redis:
    # One retry at once: a connection that was kept open is found stale after a restart of Redis.
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )


@cache
def _counting() -> Script:
    return _client().register_script(_COUNT)


def _now() -> float:
    return time.time()


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:32]
