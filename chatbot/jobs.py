"""The one place from which work and news leave for other processes, always after the commit.

All of it is hints: losing one costs a tick of the scheduler or a refresh in the browser.
"""

import contextlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction
from redis import Redis
from redis.exceptions import RedisError

from chatbot.contracts import keys
from chatbot.contracts.events import DocumentChanged
from chatbot.contracts.tasks import TASK_OF_QUEUE, Queue

if TYPE_CHECKING:
    from celery import Celery

logger = logging.getLogger(__name__)

_WAKE_ENTRIES = 4
_WORKER_SECONDS = 15


@dataclass(frozen=True, slots=True)
class BrokerLoad:
    slots: int | None
    """Jobs that all workers of the queue together can run at once; None: no worker has told."""
    hints: int
    """That no worker has fetched."""


@cache
def redis_client(*, blocking_seconds: float = 0.0) -> Redis:
    """This process's client for hints. Every call has a time-out.

    Args:
        blocking_seconds: the longest that a command waits in Redis itself.
    """
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=blocking_seconds + settings.REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
        health_check_interval=10,
    )


@cache
def _producer() -> "Celery":
    # Only the scheduler sends hints: the chat service and the web application stay without Celery.
    from celery import Celery  # noqa: PLC0415

    producer = Celery("brainstem", set_as_current=False)
    producer.conf.update(settings.CELERY)
    return producer


def send_hint(*, queue: Queue, job_id: UUID, is_fetch: bool = False) -> bool:
    """Tells a worker that a job is ready, and whether it only waits for a server of others.

    False: the broker is away, ask again later.
    """
    from kombu.exceptions import OperationalError  # noqa: PLC0415 - as in _producer

    try:
        told = {"job_id": str(job_id), "is_fetch": is_fetch}
        _producer().send_task(TASK_OF_QUEUE[queue], kwargs=told, queue=queue)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("hint not sent to %s: %s", queue, type(error).__name__)
        return False
    return True


def report_slots(*, queue: Queue, worker: str, slots: int) -> None:
    """Tells the scheduler that a worker is there; to be repeated every few seconds."""
    until = time.time() + _WORKER_SECONDS
    try:
        redis_client().zadd(keys.worker_slots(queue), {f"{slots} {worker}": until})
    except RedisError as error:
        logger.warning("slots not reported: %s", type(error).__name__)


def withdraw_slots(*, queue: Queue, worker: str, slots: int) -> None:
    """The worker ends."""
    with contextlib.suppress(RedisError):
        redis_client().zrem(keys.worker_slots(queue), f"{slots} {worker}")


def broker_load(*, queue: Queue) -> BrokerLoad | None:
    """How much the workers can take, and what waits for them; None: Redis is away."""
    try:
        with redis_client().pipeline(transaction=False) as pipe:
            pipe.zremrangebyscore(keys.worker_slots(queue), "-inf", time.time())
            pipe.zrange(keys.worker_slots(queue), 0, -1)
            pipe.llen(keys.celery_queue(queue))
            _, workers, hints = pipe.execute()
    except RedisError:
        return None
    slots = sum(int(worker.split()[0]) for worker in workers) if workers else None
    return BrokerLoad(slots=slots, hints=hints)


def wake_scheduler() -> None:
    """After the commit, wakes the scheduler, which else looks every two seconds."""
    transaction.on_commit(_push_wake, robust=True)


def _push_wake() -> None:
    try:
        with redis_client().pipeline(transaction=False) as pipe:
            pipe.lpush(keys.SCHEDULER_WAKE, 1)
            pipe.ltrim(keys.SCHEDULER_WAKE, 0, _WAKE_ENTRIES - 1)
            pipe.execute()
    except RedisError as error:
        logger.warning("scheduler not woken: %s", type(error).__name__)


def announce_document(change: DocumentChanged) -> None:
    """After the commit, tells the browsers that watch the brain."""
    _publish_on_commit(keys.brain_changes(UUID(change["brain"])), change)


def nudge_chat_service(nudge: Mapping[str, str]) -> None:
    """After the commit, tells chat processes about a turn: `{"queued": id}` or `{"stop": id}`."""
    _publish_on_commit(keys.TURN_NUDGES, nudge)


def _publish_on_commit(channel: str, body: Mapping[str, object]) -> None:
    def publish() -> None:
        try:
            redis_client().publish(channel, json.dumps(body))
        except RedisError as error:
            logger.warning("news not published: %s", type(error).__name__)

    transaction.on_commit(publish, robust=True)
