"""Errors as clients of OpenAI's API know them: `{"error": {message, type, param, code}}`.

Codes are ours, except where client libraries look for one of OpenAI's.
"""

from dataclasses import dataclass
from typing import Any, Final

from chat_service import metrics
from chat_service.connection import Send
from chat_service.problems import send_json
from chatbot.contracts.errors import (
    AppError,
    Conflict,
    InvalidInput,
    LimitReached,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    TooLarge,
    Unavailable,
)

RETRY_AFTER_SECONDS: Final = 5
_INVALID: Final = "invalid_request_error"
_SERVER: Final = "server_error"
_KINDS: Final[tuple[tuple[type[AppError], int, str], ...]] = (
    (InvalidInput, 400, _INVALID),
    (NotAuthenticated, 401, "authentication_error"),
    (NotAllowed, 403, "permission_error"),
    (NotFound, 404, _INVALID),
    (Conflict, 409, _INVALID),
    (TooLarge, 413, _INVALID),
    (LimitReached, 429, "rate_limit_error"),
    (Unavailable, 503, _SERVER),
    (AppError, 500, _SERVER),
)
_KINDS_OF_CODES: Final[dict[str, tuple[int, str]]] = {
    "inference-too-long": (400, _INVALID),
    "inference-bad-request": (400, _INVALID),
    "conversation-deleted": (404, _INVALID),
    "method-not-allowed": (405, _INVALID),
    "request-timeout": (408, _INVALID),
    "queue-full": (429, "rate_limit_error"),
    "quota-exceeded": (429, "insufficient_quota"),
    "internal-error": (500, _SERVER),
    "inference-refused": (502, _SERVER),
    "inference-malformed": (502, _SERVER),
    "no-model": (503, _SERVER),
}
"""Where the code says more than the class: most come from the events of a turn."""
_OPENAI_CODES: Final = {
    "not-authenticated": "invalid_api_key",
    "api-key-invalid": "invalid_api_key",
    "api-key-expired": "invalid_api_key",
    "api-key-revoked": "invalid_api_key",
    "model-not-found": "model_not_found",
    "inference-too-long": "context_length_exceeded",
    "too-many-questions": "rate_limit_exceeded",
    "quota-exceeded": "insufficient_quota",
}


class MethodNotAllowed(InvalidInput):
    code = "method-not-allowed"


class RequestTimedOut(InvalidInput):
    """The body did not come in time."""

    code = "request-timeout"


class AnswerFailed(Unavailable):
    """What `turn.failed` tells."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def error_answer(error: AppError) -> ErrorAnswer:
    """Status, body and headers of an error."""
    status, kind = _KINDS_OF_CODES.get(error.error_code) or next(
        row[1:] for row in _KINDS if isinstance(error, row[0])
    )
    message = f"{error.sentence} {error.way_out}".strip()
    param = next(iter(error.fields), None) if isinstance(error, InvalidInput) else None
    code = _OPENAI_CODES.get(error.error_code, error.error_code)
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return ErrorAnswer(status, body, _headers(error, status))


async def send_error(send: Send, error: AppError) -> None:
    """Answers a request with an error."""
    metrics.refused(error.error_code)
    answer = error_answer(error)
    await send_json(send, answer.body, status=answer.status, headers=answer.headers)


def _headers(error: AppError, status: int) -> dict[str, str]:
    if status in {429, 503}:
        seconds = getattr(error, "retry_after_seconds", RETRY_AFTER_SECONDS)
        return {"retry-after": str(seconds)}
    if isinstance(error, NotAuthenticated):
        return {"www-authenticate": 'Bearer realm="api"'}
    # What stands of the body isn't read any more.
    return {"connection": "close"} if status in {408, 413} else {}
