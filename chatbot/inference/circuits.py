"""What is known of a place right now: does it answer, and do questions go there?

A place is one server: an endpoint, or each of the addresses that an endpoint's host stands for.

                 three failed answers in a row, or a failed check
        closed ──────────────────────────────────────────────────▶ open
          ▲                                                         │ five seconds later
          │    a trial question is answered, or a check succeeds    ▼
          └──────────────────────────────────────────────────── half-open

What a check has opened, a check closes; what answers have opened, an answer closes: a server may
list its models well and fail all the same.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID, uuid5

import orjson

FAILURES_TO_OPEN: Final = 3
OPEN_SECONDS: Final = 5.0
"""Until one question is let through for trial."""
FORGET_SECONDS: Final = 60.0
"""After which an open circuit that nobody confirms is closed."""
CHECK_EVERY_SECONDS: Final = 5.0
CHECK_KEPT_SECONDS: Final = 30.0


class OpenedBy(StrEnum):
    CHECK = "check"
    ANSWERS = "answers"


class CircuitState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class _Stored:
    @classmethod
    def decoded(cls, body: bytes) -> Self:
        return cls(**orjson.loads(body))

    def encoded(self) -> bytes:
        return orjson.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Opening(_Stored):
    """An open circuit; a place without one is closed."""

    at: float
    """Seconds since the epoch."""
    by: str
    """Of OpenedBy."""
    code: str
    """Of the error."""

    def state(self, now: float) -> CircuitState:
        if now - self.at >= FORGET_SECONDS:
            return CircuitState.CLOSED
        if self.by == OpenedBy.ANSWERS and now - self.at >= OPEN_SECONDS:
            return CircuitState.HALF_OPEN
        return CircuitState.OPEN


@dataclass(frozen=True, slots=True)
class Check(_Stored):
    """What came of asking a server whether it is there."""

    at: float
    """Seconds since the epoch."""
    is_healthy: bool
    code: str = ""
    """Of the error; empty: it is healthy."""
    queue: int | None = None
    """Requests that wait inside the server, where it tells."""


def place_id(endpoint_id: UUID, address: str = "") -> UUID:
    """Of an endpoint, or of one of the addresses of its host."""
    return uuid5(endpoint_id, address) if address else endpoint_id


def encoded_places(places: dict[str, UUID]) -> bytes:
    """Addresses and places of an endpoint whose host was resolved."""
    return orjson.dumps({address: str(place) for address, place in places.items()})


def decoded_places(body: bytes) -> dict[str, UUID]:
    read: dict[str, Any] = orjson.loads(body)
    return {address: UUID(place) for address, place in read.items()}
