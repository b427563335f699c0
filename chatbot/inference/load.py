"""How an endpoint is doing now, as chat processes keep it in Redis."""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any
from uuid import UUID

from redis.asyncio.client import Pipeline as AsyncPipeline
from redis.client import Pipeline
from redis.exceptions import RedisError

from chatbot.contracts import keys
from chatbot.inference.circuits import Check, CircuitState, Opening, decoded_places
from chatbot.inference.selectors import watched_endpoints
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


def models_away() -> set[UUID]:
    """Chat models that are served, but by no server that questions go to now.

    None are where Redis is away. This is as late as checks are, which come every five seconds.
    """
    served: dict[UUID, list[UUID]] = {}
    for endpoint in watched_endpoints():
        if not endpoint.is_draining:
            served.setdefault(endpoint.model_id, []).append(endpoint.pk)
    try:
        away = _endpoints_away([one for endpoints in served.values() for one in endpoints])
    except RedisError as error:
        logger.warning("circuits not read: %s", type(error).__name__)
        return set()
    return {model for model, endpoints in served.items() if away.issuperset(endpoints)}


def read_place(pipe: Pipeline | AsyncPipeline, place: UUID, now: float) -> None:
    """Four answers to come: the circuit, the last check, running and waiting turns."""
    pipe.get(keys.endpoint_circuit(place))
    pipe.get(keys.endpoint_check(place))
    pipe.zcount(keys.endpoint_running(place), round(now * 1000), "+inf")
    pipe.zcard(keys.endpoint_waiting(place))


def _endpoints_away(endpoints: list[UUID]) -> set[UUID]:
    """Those whose servers all have an open circuit."""
    now = time.time()
    with redis_client().pipeline(transaction=False) as pipe:
        for endpoint in endpoints:
            pipe.get(keys.endpoint_places(endpoint))
        servers = {
            endpoint: list(decoded_places(found).values()) if found else [endpoint]
            for endpoint, found in zip(endpoints, pipe.execute(), strict=True)
        }
        places = list(chain.from_iterable(servers.values()))
        for place in places:
            pipe.get(keys.endpoint_circuit(place))
        openings = dict(zip(places, pipe.execute(), strict=True))
    away = {place for place in places if _state(openings[place], now) == CircuitState.OPEN}
    return {endpoint for endpoint, places in servers.items() if away.issuperset(places)}


def _state(opening: bytes | None, now: float) -> CircuitState:
    return Opening.decoded(opening).state(now) if opening else CircuitState.CLOSED


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
