"""Lines of the log: as text for people, or one JSON object each for whoever collects them.

Lines carry ids, never what somebody wrote or what proves who somebody is. Whoever writes a line
sees to that; what slips through in the words of others (a library's complaint, an address) is
blacked out here. JSON lines are kept elsewhere and for long, so they also leave out what errors
that aren't ours say: a database repeats the row that it doesn't like.
"""

import json
import logging
import re
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final

from django.conf import settings

from chatbot.contracts.errors import AppError

BLACK: Final = "***"
_SECRETS: Final = (
    (re.compile(r"://[^/\s@]+@"), f"://{BLACK}@"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {BLACK}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), BLACK),
    (re.compile(r"\b(bst_|sk-)[\w-]{8,}"), rf"\1{BLACK}"),
    (re.compile(r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+"), BLACK),
    (re.compile(r"\b(DETAIL|CONTEXT|STATEMENT):.*"), rf"\1: {BLACK}"),
)
"""Passwords in addresses, tokens, keys, e-mail addresses, and the rows that PostgreSQL repeats."""
_CAUSES: Final = 5
_ids: ContextVar[Mapping[str, str]] = ContextVar("log_ids", default=MappingProxyType({}))


@contextmanager
def logged_as(**ids: object) -> Iterator[None]:
    """Lines within, and of tasks begun within, carry these ids beside those that are known."""
    before = _ids.set({**_ids.get(), **{name: str(value) for name, value in ids.items()}})
    try:
        yield
    finally:
        _ids.reset(before)


def log_as(**ids: object) -> None:
    """The same to the end of the task, or of the `logged_as` around."""
    _ids.set({**_ids.get(), **{name: str(value) for name, value in ids.items()}})


def blacked_out(text: str) -> str:
    """The text without secrets and e-mail addresses."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class TextLine(logging.Formatter):
    """`WARNING chat_service.turns: …`, and the whole traceback of an error."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return blacked_out(super().format(record))


class JsonLine(logging.Formatter):
    """`time`, `level`, `logger`, `message`, `process`, `pid`, the known ids; `errors` if any."""

    def __init__(self) -> None:
        super().__init__()
        # Python's own warnings would stand between the objects.
        logging.captureWarnings(capture=True)

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": blacked_out(record.getMessage()),
            "process": settings.SETTINGS_MODULE.partition(".")[0],
            "pid": record.process,
            **_ids.get(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["errors"] = [_described(error) for error in _chain(record.exc_info[1])]
        return json.dumps(line, ensure_ascii=False)


def _time(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, newest first."""
    current: BaseException | None = error
    for _ in range(_CAUSES):
        if current is None:
            return
        yield current
        hidden = None if current.__suppress_context__ else current.__context__
        current = current.__cause__ or hidden


def _described(error: BaseException) -> dict[str, object]:
    """Type, place, and the words of errors that are ours."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "type": type(error).__qualname__,
        **({"message": blacked_out(str(error))} if isinstance(error, AppError) else {}),
        "stack": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
