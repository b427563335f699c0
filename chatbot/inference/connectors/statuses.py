"""From what a server or the network says to an `InferenceError`: decided here, once."""

import re
from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from chatbot.inference.connectors.errors import (
    RETRY_AFTER_SECONDS,
    AddressWrong,
    BadRequest,
    InferenceError,
    PromptTooLong,
    ServerBusy,
    ServerGone,
    ServerRefused,
    ServerTimedOut,
)

HTTP_SERVER_ERROR = 500
RETRY_AFTER_SECONDS_LIMIT = 300
DIGITS_LIMIT = 9
"""Further digits of a number aren't read: Python refuses those of thousands."""
BODY_BYTES_LIMIT = 64 * 1024
"""More of an error's body is not read."""

_TOO_LONG = re.compile(
    r"context.(length|size|window)|exceed_context|max_model_len|maximum.{0,20}(length|tokens)"
    r"|too (long|large|many tokens)|longer than|must have less than",
    re.IGNORECASE,
)
_OF_STATUS: dict[int, type[InferenceError]] = {
    401: ServerRefused,
    403: ServerRefused,
    408: ServerTimedOut,
    413: PromptTooLong,
    429: ServerBusy,
    501: BadRequest,
    503: ServerBusy,
    504: ServerTimedOut,
    529: ServerBusy,
}
_MAY_BE_TOO_LONG = frozenset({400, 422, 500})
"""llama.cpp says so with 500 where an embedding's input is too long."""


def error_of_status(
    status: int, body: bytes, *, headers: Mapping[str, str] | None = None
) -> InferenceError:
    """The error for an answer that isn't a success."""
    return error_of_message(
        status, message_of(body), retry_after=(headers or {}).get("retry-after", "")
    )


def error_of_message(status: int, message: str, *, retry_after: str = "") -> InferenceError:
    """The error for a status and what the server says about it."""
    kind = _OF_STATUS.get(status) or (ServerGone if status >= HTTP_SERVER_ERROR else BadRequest)
    if status in _MAY_BE_TOO_LONG and _TOO_LONG.search(message):
        kind = PromptTooLong
    return kind(f"status {status}", said=message, retry_after_seconds=_seconds(retry_after))


def masked(message: str, api_key: str) -> str:
    """Without our key, which some servers repeat."""
    return message.replace(api_key, "***") if api_key else message


def message_of(body: bytes) -> str:
    """The sentence in an error's body, whichever of the usual shapes it has."""
    try:
        return _sentence(orjson.loads(body))
    except orjson.JSONDecodeError:
        return body.decode(errors="replace").strip()


def error_of_transport(error: httpx.HTTPError) -> InferenceError:
    """The error for a request that got no answer, or half of one."""
    detail = f"{type(error).__name__}: {error}"
    if isinstance(error, httpx.UnsupportedProtocol):
        return AddressWrong(detail)
    # aiohttp's transport also says ConnectTimeout when a server hangs up in mid-answer.
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return ServerTimedOut(detail)
    return ServerGone(detail)


def _sentence(said: Any) -> str:  # noqa: ANN401 - whatever JSON a server sends
    if isinstance(said, dict):
        for key in ("error", "message", "detail"):
            if key in said:
                return _sentence(said[key])
    return said if isinstance(said, str) else orjson.dumps(said).decode()


def _seconds(retry_after: str) -> int:
    """Servers may also send a date, or nonsense: then it is the usual wait."""
    if not retry_after.isdecimal():
        return RETRY_AFTER_SECONDS
    return min(max(int(retry_after[:DIGITS_LIMIT]), 1), RETRY_AFTER_SECONDS_LIMIT)
