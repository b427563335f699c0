"""Errors of the chat service's HTTP side, as the REST API tells them (RFC 9457)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import orjson

from chat_service import metrics
from chatbot.contracts.errors import (
    AppError,
    InvalidInput,
    LimitReached,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Unavailable,
)

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_STATUSES: Final[tuple[tuple[type[AppError], int, str], ...]] = (
    (InvalidInput, 400, "Invalid input"),
    (NotAuthenticated, 401, "Not signed in"),
    (NotAllowed, 403, "Not allowed"),
    (NotFound, 404, "Not found"),
    (LimitReached, 429, "Limit reached"),
    (Unavailable, 503, "Unavailable"),
    (AppError, 500, "Internal error"),
)


async def send_problem(send: Send, error: AppError) -> None:
    """Answers a request with the problem document of an error; counts it."""
    metrics.refused(error.error_code)
    status, title = next(row[1:] for row in _STATUSES if isinstance(error, row[0]))
    body: dict[str, Any] = {
        "type": f"urn:brainstem:problem:{error.error_code}",
        "title": title,
        "status": status,
        "detail": error.sentence,
        "code": error.error_code,
        "way_out": error.way_out,
    }
    headers = {}
    if isinstance(error, LimitReached | Unavailable):
        body["retry_after_seconds"] = error.retry_after_seconds
        headers["retry-after"] = str(error.retry_after_seconds)
    if isinstance(error, NotAuthenticated):
        headers["www-authenticate"] = 'Bearer realm="api"'
    await send_json(send, body, status=status, kind="application/problem+json", headers=headers)


async def send_json(
    send: Send,
    body: object,
    *,
    status: int = 200,
    kind: str = "application/json",
    headers: dict[str, str] | None = None,
) -> None:
    """Answers a request with a JSON document."""
    encoded = orjson.dumps(body)
    sent = {
        "content-type": kind,
        "content-length": str(len(encoded)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **(headers or {}),
    }
    raw = [(name.encode(), value.encode()) for name, value in sent.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": encoded})
