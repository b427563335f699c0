"""How an endpoint is doing now, as chat processes keep it in Redis."""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis.asyncio.client import Pipeline as AsyncPipeline
from redis.client import Pipeline
from redis.exceptions import RedisError

from chatbot.contracts import keys
from chatbot.inference.circuits import Check, CircuitState, Opening, decoded_places
from chatbot.jobs import redis_client

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Load:
    """Of one server."""

    address: str
    """Empty: the endpoint's own."""
    running: int
    waiting: int
    circuit: CircuitState
    code: str
    """Of the error that opened the circuit."""
    check: Check | None
    """The last one; None: nobody checked lately."""


def load_of(endpoint_id: UUID) -> list[Load]:
    """Of each server that the endpoint stands for; empty: Redis is away."""
    try:
        found = redis_client().get(keys.endpoint_places(endpoint_id))
        places = decoded_places(found) if isinstance(found, bytes) else {"": endpoint_id}
        return _read(places.items())
    except RedisError as error:
        logger.warning("load of an endpoint not read: %s", type(error).__name__)
        return []


def read_place(pipe: Pipeline | AsyncPipeline, place: UUID, now: float) -> None:
    """Four answers to come: the circuit, the last check, running and waiting turns."""
    pipe.get(keys.endpoint_circuit(place))
    pipe.get(keys.endpoint_check(place))
    pipe.zcount(keys.endpoint_running(place), round(now * 1000), "+inf")
    pipe.zcard(keys.endpoint_waiting(place))


def _read(places: Iterable[tuple[str, UUID]]) -> list[Load]:
    now = time.time()
    with redis_client().pipeline(transaction=False) as pipe:
        for _, place in places:
            read_place(pipe, place, now)
        answers = iter(pipe.execute())
    return [_load(address, now, *(next(answers) for _ in range(4))) for address, _ in places]


def _load(address: str, now: float, *answers: Any) -> Load:  # noqa: ANN401 - as Redis has it
    opening, check, running, waiting = answers
    opened = Opening.decoded(opening) if opening else None
    return Load(
        address=address,
        running=running,
        waiting=waiting,
        circuit=opened.state(now) if opened else CircuitState.CLOSED,
        code=opened.code if opened else "",
        check=Check.decoded(check) if check else None,
    )
