"""Errors as clients of OpenAI's API know them: `{"error": {message, type, param, code}}`.

Codes are ours, except where client libraries look for one of OpenAI's.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from chat_service import metrics
from chat_service.connection import Send
from chat_service.problems import send_json
from chatbot.contracts.errors import AppError, InvalidInput, NotAuthenticated, Unavailable
from chatbot.contracts.problems import status_and_title

RETRY_AFTER_SECONDS: Final = 5
_QUOTA: Final = "insufficient_quota"
_STATUSES_OF_CODES: Final = {
    "inference-too-long": 400,
    "inference-bad-request": 400,
    "conversation-deleted": 404,
    "request-timeout": 408,
    "queue-full": 429,
    "quota-exceeded": 429,
    "internal-error": 500,
    "inference-refused": 502,
    "inference-address-wrong": 502,
    "inference-malformed": 502,
    "no-model": 503,
}
"""Where the code says more than the class: most come from the events of a turn."""
_KINDS: Final = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
"""All others are `invalid_request_error` or `server_error`."""
_OPENAI_CODES: Final = {
    "not-authenticated": "invalid_api_key",
    "api-key-invalid": "invalid_api_key",
    "api-key-expired": "invalid_api_key",
    "api-key-revoked": "invalid_api_key",
    "model-not-found": "model_not_found",
    "inference-too-long": "context_length_exceeded",
    "too-many-questions": "rate_limit_exceeded",
    "quota-exceeded": _QUOTA,
}


class AnswerFailed(Unavailable):
    """What `turn.failed` tells."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def error_answer(error: AppError) -> ErrorAnswer:
    """Status, body and headers of an error."""
    status = _STATUSES_OF_CODES.get(error.error_code) or status_and_title(error)[0]
    message = f"{error.sentence} {error.way_out}".strip()
    param = next(iter(error.fields), None) if isinstance(error, InvalidInput) else None
    code = _OPENAI_CODES.get(error.error_code, error.error_code)
    kind = _kind_of(code, status)
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return ErrorAnswer(status, body, _headers(error, status))


async def send_error(send: Send, error: AppError) -> None:
    """Answers a request with an error."""
    metrics.refused(error.error_code)
    answer = error_answer(error)
    await send_json(send, answer.body, status=answer.status, headers=answer.headers)


def _kind_of(code: str, status: int) -> str:
    if code == _QUOTA:
        return code
    server = HTTPStatus.INTERNAL_SERVER_ERROR
    return _KINDS.get(status, "invalid_request_error" if status < server else "server_error")


def _headers(error: AppError, status: int) -> dict[str, str]:
    if status in {429, 503}:
        seconds = getattr(error, "retry_after_seconds", RETRY_AFTER_SECONDS)
        return {"retry-after": str(seconds)}
    if isinstance(error, NotAuthenticated):
        return {"www-authenticate": 'Bearer realm="api"'}
    # What stands of the body isn't read any more.
    return {"connection": "close"} if status in {408, 413} else {}
