"""Which places answer, as this process knows it: asked by questions, and shared beside them.

Questions ask the memory of this process and never wait. Once a second, and at once when something
has changed, it is exchanged with Redis; without Redis each process knows what it found out itself.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from redis.asyncio import Redis

from chat_service.redis_clients import RedisAway, RedisGate
from chatbot.contracts import keys
from chatbot.inference.circuits import (
    CHECK_KEPT_SECONDS,
    FAILURES_TO_OPEN,
    FORGET_SECONDS,
    OPEN_SECONDS,
    Check,
    CircuitState,
    OpenedBy,
    Opening,
)
from chatbot.inference.load import read_place

_TRIAL_MILLISECONDS: Final = round(OPEN_SECONDS * 1000)


class EndpointStates:
    """Circuits, checks and load of all places."""

    def __init__(
        self,
        process: str,
        *,
        redis: Redis,
        gate: RedisGate,
        held: Callable[[], Mapping[UUID, tuple[int, int]]],
    ) -> None:
        """`held`: running and waiting turns of this process, by place."""
        self.changed = asyncio.Event()
        """Others are to be told something."""
        self._process = process
        self._redis = redis
        self._gate = gate
        self._held = held
        self._failures: dict[UUID, int] = {}
        self._openings: dict[UUID, Opening] = {}
        self._checks: dict[UUID, Check] = {}
        self._trials: dict[UUID, float] = {}
        self._others: dict[UUID, int] = {}
        self._untold_openings: dict[UUID, Opening | None] = {}
        self._untold_checks: dict[UUID, Check] = {}

    # --- what questions ask ---

    def circuit(self, place: UUID) -> CircuitState:
        opening = self._openings.get(place)
        return opening.state(time.time()) if opening else CircuitState.CLOSED

    def load(self, place: UUID) -> int:
        """Turns of all processes there, and what waits inside the server."""
        check = self._checks.get(place)
        held = sum(self._held().get(place, (0, 0)))
        return self._others.get(place, 0) + held + ((check.queue or 0) if check else 0)

    def take_trial(self, place: UUID) -> bool:
        """Whether this question is to find out if the place answers again; true once."""
        return self._trials.pop(place, 0.0) > time.monotonic()

    # --- what becomes known here ---

    def failed(self, place: UUID, code: str) -> None:
        """An answer failed there, and not by its own fault."""
        self._failures[place] = self._failures.get(place, 0) + 1
        if self._failures[place] >= FAILURES_TO_OPEN or place in self._openings:
            self._open(place, OpenedBy.ANSWERS, code)

    def worked(self, place: UUID) -> None:
        """An answer came from there."""
        self._failures.pop(place, None)
        if place in self._openings:
            self._close(place)

    def checked(self, place: UUID, check: Check) -> None:
        self._checks[place] = self._untold_checks[place] = check
        opening = self._openings.get(place)
        if not check.is_healthy:
            self._open(place, OpenedBy.CHECK, check.code)
        elif opening and opening.by == OpenedBy.CHECK:
            self._failures.pop(place, None)
            self._close(place)
        self.changed.set()

    def _open(self, place: UUID, by: OpenedBy, code: str) -> None:
        opening = Opening(time.time(), by, code)
        self._openings[place] = self._untold_openings[place] = opening
        self._trials.pop(place, None)
        self.changed.set()

    def _close(self, place: UUID) -> None:
        del self._openings[place]
        self._untold_openings[place] = None
        self.changed.set()

    # --- what processes tell each other ---

    async def share(self, places: Iterable[UUID]) -> None:
        """Tells what others don't know, and reads what they do."""
        known = list(places)
        self._forget_all_but(known)
        openings, self._untold_openings = self._untold_openings, {}
        checks, self._untold_checks = self._untold_checks, {}
        try:
            read = await self._gate.call(lambda: self._exchange(openings, checks, known))
        except RedisAway:
            self._untold_openings = openings | self._untold_openings
            self._untold_checks = checks | self._untold_checks
            self._take_trials(self._half_open())
            return
        for place, row in zip(known, read, strict=True):
            self._learn(place, *row)
        await self._claim_trials()

    async def _exchange(
        self,
        openings: Mapping[UUID, Opening | None],
        checks: Mapping[UUID, Check],
        places: list[UUID],
    ) -> list[list[Any]]:
        """Of each place: its circuit, its check, running and waiting turns."""
        now = time.time()
        async with self._redis.pipeline(transaction=False) as pipe:
            for place, opening in openings.items():
                left = _milliseconds_left(opening, now)
                if opening is None or left <= 0:
                    pipe.delete(keys.endpoint_circuit(place))
                else:
                    pipe.set(keys.endpoint_circuit(place), opening.encoded(), px=left)
            for place, check in checks.items():
                pipe.set(keys.endpoint_check(place), check.encoded(), ex=round(CHECK_KEPT_SECONDS))
            for place in places:
                read_place(pipe, place, now)
            answers = (await pipe.execute())[len(openings) + len(checks) :]
        return [answers[first : first + 4] for first in range(0, len(answers), 4)]

    def _learn(
        self, place: UUID, opening: bytes | None, check: bytes | None, running: int, waiting: int
    ) -> None:
        held = sum(self._held().get(place, (0, 0)))
        self._others[place] = max(0, running + waiting - held)
        if check is not None and place not in self._untold_checks:
            self._checks[place] = Check.decoded(check)
        if place in self._untold_openings:
            return
        if opening is not None:
            self._openings[place] = Opening.decoded(opening)
        elif self._openings.pop(place, None):
            self._failures.pop(place, None)

    async def _claim_trials(self) -> None:
        """One process at a time may try a place whose circuit is half-open."""
        if not (half_open := self._half_open()):
            return
        try:
            answers = await self._gate.call(lambda: self._claim(half_open))
        except RedisAway:
            return
        self._take_trials(
            [place for place, is_mine in zip(half_open, answers, strict=True) if is_mine]
        )

    async def _claim(self, places: list[UUID]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for place in places:
                name = keys.endpoint_trial(place)
                pipe.set(name, self._process, nx=True, px=_TRIAL_MILLISECONDS)
            answers: list[Any] = await pipe.execute()
        return answers

    def _half_open(self) -> list[UUID]:
        """Places that this process has no trial of."""
        now, opened = time.monotonic(), list(self._openings)
        return [
            place
            for place in opened
            if self.circuit(place) == CircuitState.HALF_OPEN and self._trials.get(place, 0.0) <= now
        ]

    def _take_trials(self, places: Iterable[UUID]) -> None:
        until = time.monotonic() + OPEN_SECONDS
        self._trials.update(dict.fromkeys(places, until))

    def _forget_all_but(self, places: list[UUID]) -> None:
        """Servers come and go."""
        gone = {*self._checks, *self._openings, *self._failures} - {*places}
        for place in gone:
            for kept in (
                self._checks,
                self._openings,
                self._failures,
                self._others,
                self._trials,
                self._untold_checks,
                self._untold_openings,
            ):
                kept.pop(place, None)


def _milliseconds_left(opening: Opening | None, now: float) -> int:
    return round((opening.at + FORGET_SECONDS - now) * 1000) if opening else 0
