"""The loop of `manage.py scheduler`: one leads, by an advisory lock; others stand by.

The lock belongs to the database session that all work goes through: whoever loses the connection
has lost the lock, and stands by again.
"""

import logging
import os
import signal
import socket
import time
from types import FrameType
from typing import Final, NoReturn

from django.conf import settings
from django.db import connection
from redis.exceptions import RedisError

from chatbot import jobs
from chatbot.contracts import keys
from chatbot.contracts.tasks import Queue
from chatbot.metrics_server import serve_metrics
from chatbot.pulse import Pulse
from chatbot.scheduler.deliveries import Deliverer
from chatbot.scheduler.dispatch import Dispatcher
from chatbot.scheduler.housekeeping import AWAY, Housekeeping

logger = logging.getLogger(__name__)

LOCK_KEY: Final = 0x62726169
"""Of pg_advisory_lock, the same in every scheduler of a database."""
TICK_SECONDS: Final = 2
"""Between two looks that nobody asks for: who has work wakes the leader."""
_SHORTEST_TICK_SECONDS: Final = 0.01
_ALIVE_SECONDS: Final = 10
_STUCK_SECONDS: Final = 60.0
"""Without having led or stood by. PostgreSQL ends statements that take longer."""


def run_scheduler() -> NoReturn:
    """Runs until SIGTERM or SIGINT; survives PostgreSQL and Redis being away."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    pulse = Pulse(within_seconds=_STUCK_SECONDS)
    serve_metrics(port=settings.METRICS_PORT, is_well=lambda: pulse.is_felt)
    log = _Log()
    deliverer = Deliverer()
    try:
        while True:
            try:
                if _take_lock():
                    _lead(log, deliverer, pulse)
                pulse.beat()
            except AWAY as error:
                log.away(error)
                connection.close()
            time.sleep(TICK_SECONDS)
    finally:
        deliverer.end()


def _lead(log: "_Log", deliverer: Deliverer, pulse: Pulse) -> NoReturn:
    """Until the connection breaks, and the lock with it."""
    scheduler = Scheduler()
    while True:
        began = time.monotonic()
        scheduler.tick()
        deliverer.tick()
        pulse.beat()
        log.leads()
        time.sleep(_pause(after_seconds=time.monotonic() - began))
        wait_for_wake()


class _Log:
    """Says what has changed, once."""

    def __init__(self) -> None:
        self._said = ""

    def leads(self) -> None:
        if self._said != "leads":
            logger.info("this scheduler leads")
        self._said = "leads"

    def away(self, error: Exception) -> None:
        if self._said != "away":
            logger.warning("PostgreSQL is away: %s", str(error).partition("\n")[0])
        self._said = "away"


class Scheduler:
    """What the leader does, again and again."""

    def __init__(self) -> None:
        self._dispatchers = [Dispatcher(queue=queue) for queue in Queue]
        self._housekeeping = Housekeeping()
        self._name = f"{socket.gethostname()}:{os.getpid()}"

    def tick(self) -> None:
        """Raises what `AWAY` names, and nothing else."""
        self._housekeeping.run()
        for dispatcher in self._dispatchers:
            dispatcher.dispatch()
        self._show_alive()

    def _show_alive(self) -> None:
        try:
            jobs.redis_client().set(keys.SCHEDULER_ALIVE, self._name, ex=_ALIVE_SECONDS)
        except RedisError as error:
            logger.debug("Redis is away: %s", type(error).__name__)


def wait_for_wake() -> None:
    """Until somebody has work, or `TICK_SECONDS` have passed."""
    until = time.monotonic() + TICK_SECONDS
    try:
        redis = jobs.redis_client(blocking_seconds=TICK_SECONDS)
        if redis.brpop([keys.SCHEDULER_WAKE], timeout=TICK_SECONDS):
            redis.delete(keys.SCHEDULER_WAKE)
    except RedisError:
        time.sleep(max(0.0, until - time.monotonic()))


def _pause(*, after_seconds: float) -> float:
    """At most a third of a core, however many wake-ups there are."""
    return min(TICK_SECONDS, max(_SHORTEST_TICK_SECONDS, 2 * after_seconds))


def _take_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY])
        return bool(cursor.fetchone()[0])


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    """Every step is a transaction of its own: it is safe to leave at any point."""
    raise SystemExit(0)
