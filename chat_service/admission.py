"""Admission: how many answers run on an endpoint at once, and who is next.

The queue of an endpoint is shared by all chat processes through Redis, and fair: each question gets
a tag one above its user's last one, but never below the virtual time, which is the tag that was
admitted last. So a user's n-th waiting question goes behind the others' first ones, and nobody who
comes later passes for ever. Places are leases: those of a dead process end by themselves.

Without Redis each process keeps its own count and serves in the order of arrival.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from chat_service import metrics, tracing
from chat_service.admission_scripts import ENTER, HOLD, LEAVE
from chat_service.redis_clients import RedisAway, RedisGate
from chatbot.contracts import keys
from chatbot.contracts.errors import LimitReached

LEASE_MILLISECONDS: Final = 10_000
WAITING_LIMIT: Final = 200
"""Questions that wait for one endpoint; more are refused."""
POLL_SECONDS: Final = 0.1
MEAN_WEIGHT: Final = 0.2
"""Of the newest answer in the mean duration."""
WAIT_SECONDS: Final = 300.0
HOLD_SECONDS: Final = 3.0
EARLY_PAUSE_SECONDS: Final = 0.001
RETRY_AFTER_SECONDS: Final = 15
_FULL: Final = -1
_ADMITTED: Final = 0


@dataclass(frozen=True, slots=True)
class Gauge:
    """An endpoint as admission sees it."""

    id: UUID
    concurrency: int


@dataclass(slots=True)
class Waiter:
    """A turn that waits; `on_position` is told its place in the queue and a guess in seconds."""

    turn_id: UUID
    user_id: UUID
    on_position: Callable[[int, float | None], None]
    position: int = 0
    admitted: asyncio.Event = field(default_factory=asyncio.Event)
    has_left: bool = False


@dataclass(slots=True)
class _Door:
    """This process's turns at one endpoint, in the order of arrival."""

    gauge: Gauge
    running: dict[UUID, float] = field(default_factory=dict)
    """Turn and when it began."""
    waiting: dict[UUID, Waiter] = field(default_factory=dict)
    leaving: dict[UUID, float] = field(default_factory=dict)
    """Turns that have left and how long they ran, while Redis doesn't know it."""
    telling: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class _Early:
    """A turn that asks for a place before it is begun."""

    waiter: Waiter
    entering: "asyncio.Task[_Door | None]"
    """None: there is no free place."""


class Admission:
    """All places that turns of this process hold or wait for."""

    def __init__(self, redis: Redis, gate: RedisGate) -> None:
        self._enter_script = redis.register_script(ENTER)
        self._leave_script = redis.register_script(LEAVE)
        self._hold_script = redis.register_script(HOLD)
        self._gate = gate
        self._doors: dict[UUID, _Door] = {}
        self._poll_now = asyncio.Event()
        self._early: dict[UUID, _Early] = {}

    def enter_early(self, gauge: Gauge, *, turn_id: UUID, user_id: UUID) -> None:
        """Asks for a place for a turn that may begin; `place` takes it, `leave_early` returns it.

        Only where this process uses less than half of all places: questions that come to nothing
        keep nobody waiting.
        """
        door = self._door(gauge)
        if not door.waiting and 2 * len(door.running) < gauge.concurrency:
            waiter = Waiter(turn_id, user_id, _tell_nobody)
            entering = asyncio.create_task(self._enter_early(gauge, waiter))
            self._early[turn_id] = _Early(waiter, entering)

    async def leave_early(self, turn_id: UUID) -> None:
        """Gives back what `place` has not taken."""
        early = self._early.pop(turn_id, None)
        if early is not None and (door := await early.entering) is not None:
            await self._leave(door, early.waiter, is_answer=False)

    @contextlib.asynccontextmanager
    async def place(
        self, gauges: Sequence[Gauge], waiter: Waiter, *, stop: asyncio.Event
    ) -> AsyncIterator[Gauge | None]:
        """Holds a place at one of the endpoints: the first that is free, else in the first's queue.

        Yields None if `stop` came first.

        Raises:
            LimitReached: the queue is full, or waiting took too long.
        """
        began, door = time.monotonic(), None
        try:
            with tracing.span("admission"):
                door = await self._enter(gauges, waiter)
                tracing.tell(endpoint=door.gauge.id)
                try:
                    await self._wait(waiter, stop)
                finally:
                    seconds = time.monotonic() - began
                    metrics.waited(endpoint_id=door.gauge.id, seconds=seconds)
            yield door.gauge if waiter.admitted.is_set() else None
        finally:
            if door is not None:
                await self._leave(door, waiter)

    @contextlib.asynccontextmanager
    async def free_place(
        self, gauges: Sequence[Gauge], waiter: Waiter
    ) -> AsyncIterator[Gauge | None]:
        """Holds the first place that is free at once; None: there is none.

        For what may as well be left undone. Nobody who waits is passed, and how long it is held
        says nothing of how long answers take.
        """
        door = await self._first_free(gauges, waiter)
        try:
            yield door.gauge if door else None
        finally:
            if door is not None:
                await self._leave(door, waiter, is_answer=False)

    def places(self) -> dict[UUID, tuple[int, int]]:
        """Running and waiting turns of this process at each endpoint."""
        return {
            endpoint_id: (len(door.running), len(door.waiting))
            for endpoint_id, door in self._doors.items()
        }

    async def run(self) -> None:
        """Looks who is next, and keeps leases alive; never ends."""
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._poll())
            parts.create_task(self._hold())

    async def _enter_early(self, gauge: Gauge, waiter: Waiter) -> _Door | None:
        # The thread that stores the question begins first: then both wait at the same time.
        await asyncio.sleep(EARLY_PAUSE_SECONDS)
        return await self._first_free([gauge], waiter)

    async def _enter(self, gauges: Sequence[Gauge], waiter: Waiter) -> _Door:
        early = self._early.get(waiter.turn_id)
        entered = await early.entering if early else None
        if entered is not None and entered.gauge.id == gauges[0].id:
            del self._early[waiter.turn_id]
            waiter.admitted.set()
            return entered
        await self.leave_early(waiter.turn_id)
        if len(gauges) > 1 and (free := await self._first_free(gauges, waiter)) is not None:
            return free
        door = self._door(gauges[0])
        if await self._ask(door, [waiter]) == [_FULL]:
            raise LimitReached(
                "Too many questions wait for the model.",
                code="queue-full",
                way_out="Wait a little, then continue this answer.",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )
        return door

    async def _first_free(self, gauges: Sequence[Gauge], waiter: Waiter) -> _Door | None:
        for gauge in gauges:
            door = self._door(gauge)
            if await self._ask(door, [waiter], may_wait=False) == [_ADMITTED]:
                return door
        return None

    def _door(self, gauge: Gauge) -> _Door:
        door = self._doors.setdefault(gauge.id, _Door(gauge))
        door.gauge = gauge
        return door

    async def _wait(self, waiter: Waiter, stop: asyncio.Event) -> None:
        if waiter.admitted.is_set():
            return
        self._poll_now.set()
        either = {asyncio.create_task(waiter.admitted.wait()), asyncio.create_task(stop.wait())}
        try:
            done, _ = await asyncio.wait(
                either, timeout=WAIT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in either:
                task.cancel()
        if not done:
            raise LimitReached(
                "The model stayed busy for too long.",
                code="queue-timeout",
                way_out="Wait a little, then continue this answer.",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )

    async def _ask(
        self, door: _Door, waiters: Sequence[Waiter], *, may_wait: bool = True
    ) -> list[int]:
        """Asks for places; tells those who wait where they are."""
        places = [word for one in waiters for word in (str(one.turn_id), str(one.user_id))]
        limits = [LEASE_MILLISECONDS, door.gauge.concurrency, WAITING_LIMIT, int(may_wait)]
        try:
            answer = await self._run(self._enter_script, door, [*limits, *places])
        except RedisAway:
            answer = [*_without_redis(door, waiters, may_wait=may_wait), b""]
        answers: list[int] = answer[:-1]
        mean = answer[-1]
        guess = float(mean) / door.gauge.concurrency if mean else None
        for waiter, answer in zip(waiters, answers, strict=True):
            _tell(door, waiter, answer, seconds_each=guess)
        return answers

    async def _leave(self, door: _Door, waiter: Waiter, *, is_answer: bool = True) -> None:
        waiter.has_left = True
        door.waiting.pop(waiter.turn_id, None)
        began = door.running.pop(waiter.turn_id, None)
        held = time.monotonic() - began if began is not None else 0.0
        door.leaving[waiter.turn_id] = held if is_answer else 0.0
        await self._tell_left(door)
        self._poll_now.set()

    async def _tell_left(self, door: _Door) -> None:
        """Tells Redis who has left: all at once who left while it was told of others."""
        async with door.telling:
            left = dict(door.leaving)
            if not left:
                return
            told = [word for turn, held in left.items() for word in (str(turn), round(held, 3))]
            with contextlib.suppress(RedisAway):
                await self._run(self._leave_script, door, [MEAN_WEIGHT, *told])
                for turn_id, held in left.items():
                    if door.leaving.get(turn_id) == held:
                        del door.leaving[turn_id]

    async def _poll(self) -> None:
        while True:
            waiting = [door for door in self._doors.values() if door.waiting]
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._poll_now.wait(), POLL_SECONDS if waiting else None)
            self._poll_now.clear()
            for door in waiting:
                await self._tell_left(door)
                if door.waiting:
                    await self._ask(door, list(door.waiting.values()))

    async def _hold(self) -> None:
        while True:
            await asyncio.sleep(HOLD_SECONDS)
            for door in list(self._doors.values()):
                await self._tell_left(door)
                await self._hold_places(door)

    async def _hold_places(self, door: _Door) -> None:
        held = [str(turn_id) for turn_id in door.running]
        if held:
            with contextlib.suppress(RedisAway):
                await self._run(self._hold_script, door, [LEASE_MILLISECONDS, *held])

    async def _run(self, script: AsyncScript, door: _Door, arguments: Sequence[str | float]) -> Any:  # noqa: ANN401 - what the script answers
        """Raises RedisAway."""
        endpoint_id = door.gauge.id
        named = (
            keys.endpoint_running(endpoint_id),
            keys.endpoint_waiting(endpoint_id),
            keys.endpoint_waiters(endpoint_id),
            keys.endpoint_shares(endpoint_id),
        )
        return await self._gate.call(lambda: script(named, arguments))


def _tell_nobody(_position: int, _seconds: float | None) -> None:
    """Who asks early doesn't queue."""


def _without_redis(door: _Door, waiters: Sequence[Waiter], *, may_wait: bool) -> list[int]:
    """The script's answers from what this process knows alone."""
    free = door.gauge.concurrency - len(door.running)
    order = list(dict.fromkeys([*door.waiting, *(one.turn_id for one in waiters)]))
    answers = []
    for waiter in waiters:
        place = order.index(waiter.turn_id)
        if waiter.turn_id in door.running or place < free:
            answers.append(_ADMITTED)
        elif may_wait and place < WAITING_LIMIT:
            answers.append(1 + place - max(free, 0))
        else:
            answers.append(_FULL)
    return answers


def _tell(door: _Door, waiter: Waiter, answer: int, *, seconds_each: float | None) -> None:
    if waiter.has_left:
        # While Redis was asked; it may have heard of that before it took the turn in.
        door.leaving.setdefault(waiter.turn_id, 0.0)
    elif answer == _ADMITTED:
        door.waiting.pop(waiter.turn_id, None)
        door.running.setdefault(waiter.turn_id, time.monotonic())
        waiter.admitted.set()
    elif answer != _FULL:
        door.waiting[waiter.turn_id] = waiter
        if not waiter.position or answer < waiter.position:
            waiter.position = answer
            guess = None if seconds_each is None else round(seconds_each * answer, 1)
            waiter.on_position(answer, guess)
