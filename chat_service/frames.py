"""Frames of the WebSocket: what clients send, checked, and errors as they are told."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson

from chat_service import metrics
from chatbot.contracts.errors import AppError, InvalidInput, LimitReached, Unavailable
from chatbot.contracts.events import ErrorFrame

SEQ_LIMIT: Final = 1 << 62
_SEQ_DIGITS: Final = 19
_ECHOED: Final = ("client_id", "turn", "brain")
_WAY_OUT: Final = "See docs/protocols/chat.md for the frames."


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame with the fields of its type, and those that errors about it repeat."""

    type: str
    fields: Mapping[str, Any]
    echo: Mapping[str, str]


class InvalidFrame(InvalidInput):
    """The frame can't be understood; `echo` repeats what it named."""

    code = "invalid-frame"

    def __init__(self, sentence: str, *, echo: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence, way_out=_WAY_OUT)
        self.echo = echo or {}


def sequence_number(text: str) -> int | None:
    """A number of an event as addresses and headers have it; None: it is none."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _SEQ_DIGITS):
        return None
    number = int(text)
    return number if number < SEQ_LIMIT else None


def parse_frame(text: str) -> Frame:
    """A client's frame. Unknown fields are passed over, so that newer clients work.

    Raises:
        InvalidFrame: no JSON object, an unknown type, a field that is missing or wrong.
    """
    try:
        raw = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidFrame("The frame is not JSON.") from error
    if not isinstance(raw, dict):
        raise InvalidFrame("The frame is not a JSON object.")
    echo = {name: raw[name] for name in _ECHOED if isinstance(raw.get(name), str)}
    kind = raw.get("type")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise InvalidFrame(f"There is no frame of type {_shown(kind)}.", echo=echo)
    fields = {}
    for name, read in _FIELDS[kind].items():
        if name in _OPTIONAL and name not in raw:
            continue
        try:
            fields[name] = read(raw.get(name))
        except ValueError as error:
            sentence = f"The field {name} of {kind} {error}."
            raise InvalidFrame(sentence, echo=echo) from error
    return Frame(kind, fields, echo)


def error_frame(error: AppError, echo: Mapping[str, str]) -> ErrorFrame:
    """What a client is told about a frame that was refused; counts it."""
    metrics.refused(error.error_code)
    frame = ErrorFrame(
        type="error", code=error.error_code, sentence=error.sentence, way_out=error.way_out
    )
    if isinstance(error, LimitReached | Unavailable):
        frame["retry_after_seconds"] = error.retry_after_seconds
    if "client_id" in echo:
        frame["client_id"] = echo["client_id"]
    if "turn" in echo:
        frame["turn"] = echo["turn"]
    if "brain" in echo:
        frame["brain"] = echo["brain"]
    return frame


def _uuid(value: object) -> UUID:
    if not isinstance(value, str):
        raise ValueError("must be an id")  # noqa: TRY004 - one kind of error for the caller
    try:
        return UUID(value)
    except ValueError as error:
        raise ValueError("must be an id") from error


def _uuid_or_null(value: object) -> UUID | None:
    return None if value is None else _uuid(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text that isn't empty")
    return value


def _seq(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < SEQ_LIMIT:
        raise ValueError("must be a sequence number")
    return value


def _shown(kind: object) -> str:
    return json.dumps(kind)[:40] if kind is not None else "null"


_FIELDS: Final[Mapping[str, Mapping[str, Callable[[object], Any]]]] = {
    "auth": {"token": _text},
    "ask": {
        "conversation": _uuid,
        "text": _text,
        "client_id": _text,
        "parent": _uuid_or_null,
    },
    "subscribe": {"turn": _uuid, "after": _seq},
    "unsubscribe": {"turn": _uuid},
    "stop": {"turn": _uuid},
    "continue": {"turn": _uuid},
    "regenerate": {"turn": _uuid},
    "watch": {"brain": _uuid},
    "unwatch": {"brain": _uuid},
    "ping": {},
}
_OPTIONAL: Final = frozenset({"parent"})
"""Without them a field is absent, which isn't the same as null."""
FRAME_TYPES: Final = frozenset(_FIELDS)
