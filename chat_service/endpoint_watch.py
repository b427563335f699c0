"""Looks after endpoints beside the questions: which there are, whether they answer, who is busy.

One chat process checks all endpoints for all; it leads by a short lease in Redis. Without Redis
each checks for itself.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from redis.asyncio import Redis

from chat_service.database import in_database
from chat_service.discovery import Resolver
from chat_service.endpoint_states import EndpointStates
from chat_service.endpoints import Directory, Place
from chat_service.redis_clients import RedisAway, RedisGate
from chatbot.contracts import keys
from chatbot.contracts.errors import AppError, Unavailable
from chatbot.inference.circuits import CHECK_EVERY_SECONDS, Check, encoded_places
from chatbot.inference.connectors.errors import InferenceError
from chatbot.inference.connectors.served_models import list_models_async
from chatbot.inference.connectors.server_queue import server_queue
from chatbot.inference.models import Discovery, InferenceEndpoint, Protocol
from chatbot.inference.registry import endpoint_config
from chatbot.inference.selectors import watched_endpoints

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 2.0
"""How soon a change in the registry, such as a drained endpoint, counts."""
RESOLVE_EVERY_SECONDS: Final = 10.0
SHARE_SECONDS: Final = 1.0
SHARE_PAUSE_SECONDS: Final = 0.05
TICK_SECONDS: Final = 1.0
LEASE_MILLISECONDS: Final = 3000
CHECK_SECONDS: Final = 2.0
CHECKS_AT_ONCE: Final = 16
PLACES_KEPT_SECONDS: Final = 60
_unforeseen: Final[set[UUID]] = set()
"""Endpoints whose checks failed in a way that nobody foresaw: that is logged once."""


class EndpointWatch:
    """The loops of one process."""

    def __init__(
        self,
        process: str,
        *,
        directory: Directory,
        states: EndpointStates,
        redis: Redis,
        gate: RedisGate,
    ) -> None:
        self._process = process
        self._directory = directory
        self._states = states
        self._redis = redis
        self._gate = gate
        self._resolver = Resolver()
        self._addresses: dict[UUID, tuple[str, ...]] = {}
        self._resolved_at: dict[UUID, float] = {}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._look())
            parts.create_task(self._share())
            parts.create_task(self._check())

    # --- which there are ---

    async def _look(self) -> None:
        while True:
            with contextlib.suppress(Unavailable):
                rows = await in_database(watched_endpoints)
                await self._resolve(rows)
                await self._directory.tell(rows, self._addresses)
            await asyncio.sleep(LOOK_SECONDS)

    async def _resolve(self, rows: Iterable[InferenceEndpoint]) -> None:
        """Addresses that can't be found out now stay what they were."""
        named = {row.pk: row for row in rows if row.discovery == Discovery.DNS}
        self._addresses = {pk: known for pk, known in self._addresses.items() if pk in named}
        too_old = time.monotonic() - RESOLVE_EVERY_SECONDS
        due = [row for pk, row in named.items() if self._resolved_at.get(pk, too_old) <= too_old]
        found = await asyncio.gather(*(self._resolver.addresses(row.base_url) for row in due))
        for row, addresses in zip(due, found, strict=True):
            self._resolved_at[row.pk] = time.monotonic()
            if addresses:
                self._addresses[row.pk] = addresses

    # --- what processes tell each other ---

    async def _share(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._states.changed.wait(), SHARE_SECONDS)
            self._states.changed.clear()
            await self._states.share(place.id for place in self._directory.places)
            await asyncio.sleep(SHARE_PAUSE_SECONDS)

    # --- whether they answer ---

    async def _check(self) -> None:
        checked_at = -CHECK_EVERY_SECONDS
        while True:
            places = self._directory.places
            is_due = time.monotonic() - checked_at >= CHECK_EVERY_SECONDS
            if places and await self._leads() and is_due:
                checked_at = time.monotonic()
                await self._check_all(places)
                await self._tell_places(places)
            await asyncio.sleep(TICK_SECONDS)

    async def _leads(self) -> bool:
        try:
            return await self._gate.call(self._take_lead)
        except RedisAway:
            return True

    async def _take_lead(self) -> bool:
        name = keys.ENDPOINT_CHECKER
        if await self._redis.set(name, self._process, nx=True, px=LEASE_MILLISECONDS):
            return True
        if await self._redis.get(name) != self._process.encode():
            return False
        await self._redis.pexpire(name, LEASE_MILLISECONDS)
        return True

    async def _check_all(self, places: Iterable[Place]) -> None:
        at_once = asyncio.Semaphore(CHECKS_AT_ONCE)

        async def check(place: Place) -> None:
            async with at_once:
                self._states.checked(place.id, await checked(place.row))

        await asyncio.gather(*map(check, places))

    async def _tell_places(self, places: Iterable[Place]) -> None:
        """For the admin, which shows what an address stands for."""
        found: dict[UUID, dict[str, UUID]] = {}
        for place in places:
            if place.address:
                found.setdefault(place.row.pk, {})[place.address] = place.id
        for endpoint_id, addresses in found.items():
            name, body = keys.endpoint_places(endpoint_id), encoded_places(addresses)
            with contextlib.suppress(RedisAway):
                await self._gate.call(
                    lambda: self._redis.set(name, body, ex=PLACES_KEPT_SECONDS)  # noqa: B023 - awaited in this round
                )


async def checked(row: InferenceEndpoint) -> Check:
    """Asks the server, at most for two seconds, and never raises."""
    code = ""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await list_models_async(endpoint_config(row))
    except TimeoutError:
        code = "inference-timeout"
    except AppError as error:
        code = error.error_code
    except Exception:
        code = InferenceError.code
        if row.pk not in _unforeseen:
            logger.exception("the check of endpoint %s failed unforeseen", row.pk)
        _unforeseen.add(row.pk)
    else:
        _unforeseen.discard(row.pk)
    queue = await _queue_at(row) if not code and row.protocol == Protocol.OPENAI else None
    return Check(at=time.time(), is_healthy=not code, code=code, queue=queue)


async def _queue_at(row: InferenceEndpoint) -> int | None:
    """A page that can't be read says nothing against the server."""
    with contextlib.suppress(TimeoutError, ValueError, OverflowError):
        async with asyncio.timeout(CHECK_SECONDS):
            return await server_queue(endpoint_config(row))
    return None
