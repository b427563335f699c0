"""How busy an endpoint is, as admission keeps it in Redis."""

import logging
import time
from dataclasses import dataclass
from uuid import UUID

from redis.exceptions import RedisError

from chatbot.contracts import keys
from chatbot.jobs import redis_client

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Load:
    running: int
    waiting: int


def load_of(endpoint_id: UUID) -> Load | None:
    """Answers that run and that wait now; None: Redis is away."""
    now_milliseconds = int(time.time() * 1000)
    try:
        with redis_client().pipeline(transaction=False) as pipe:
            pipe.zcount(keys.endpoint_running(endpoint_id), now_milliseconds, "+inf")
            pipe.zcard(keys.endpoint_waiting(endpoint_id))
            running, waiting = pipe.execute()
    except RedisError as error:
        logger.warning("load of an endpoint not read: %s", type(error).__name__)
        return None
    return Load(running=running, waiting=waiting)
