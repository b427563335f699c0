"""Embedding servers that fail are left alone for a while, by all workers.

As the chat service does it: three failures in a row open the circuit; after five seconds one worker
tries again. What is open stands in Redis; without Redis everything is tried.
"""

import time
from typing import Final
from uuid import UUID

from redis.exceptions import RedisError

from chatbot import jobs
from chatbot.contracts import keys
from chatbot.inference.circuits import (
    FAILURES_TO_OPEN,
    FORGET_SECONDS,
    OPEN_SECONDS,
    CircuitState,
    OpenedBy,
    Opening,
)

_in_a_row: Final[dict[UUID, int]] = {}
"""Failures of each endpoint that this process has seen, or has heard of."""


def may_ask(endpoint_id: UUID) -> bool:
    """Whether the endpoint is thought to answer, or this worker is the one to try."""
    try:
        redis = jobs.redis_client()
        stored = redis.get(keys.endpoint_circuit(endpoint_id))
        if not isinstance(stored, bytes):
            return True
        state = Opening.decoded(stored).state(time.time())
        if state is CircuitState.HALF_OPEN:
            trial = keys.endpoint_trial(endpoint_id)
            is_mine = bool(redis.set(trial, b"1", nx=True, px=round(OPEN_SECONDS * 1000)))
            if is_mine:
                # What comes of it closes the circuit or opens it again, whoever had opened it.
                _in_a_row[endpoint_id] = FAILURES_TO_OPEN
            return is_mine
    except RedisError:
        return True
    return state is CircuitState.CLOSED


def answered(endpoint_id: UUID) -> None:
    """Closes the circuit."""
    if not _in_a_row.pop(endpoint_id, 0):
        return
    try:
        names = keys.endpoint_circuit(endpoint_id), keys.endpoint_trial(endpoint_id)
        jobs.redis_client().delete(*names)
    except RedisError:
        return


def failed(endpoint_id: UUID, code: str) -> None:
    """Opens the circuit after the third failure in a row, and again after a trial that failed."""
    failures = _in_a_row[endpoint_id] = _in_a_row.get(endpoint_id, 0) + 1
    if failures < FAILURES_TO_OPEN:
        return
    opening = Opening(at=time.time(), by=OpenedBy.ANSWERS, code=code)
    try:
        name = keys.endpoint_circuit(endpoint_id)
        jobs.redis_client().set(name, opening.encoded(), px=round(FORGET_SECONDS * 1000))
    except RedisError:
        return
