"""Errors as HTTP tells them, in every process: problems of RFC 9457, and one table of statuses.

The body: `type` (a URN that ends with the code), `title`, `status`, `detail` (a sentence for
people), `code`, `way_out` (what to do next), and where they apply `fields` and
`retry_after_seconds`.
"""

from typing import Any, Final

from chatbot.contracts.errors import (
    AppError,
    ChecksumDiffers,
    Conflict,
    DocumentFault,
    Gone,
    InvalidInput,
    KeyReused,
    LimitReached,
    Locked,
    MethodNotAllowed,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PreconditionFailed,
    TooLarge,
    Unavailable,
    UnsupportedType,
)

MEDIA_TYPE: Final = "application/problem+json"

STATUSES: Final[dict[type[AppError], tuple[int, str]]] = {
    InvalidInput: (400, "Invalid input"),
    NotAuthenticated: (401, "Not signed in"),
    NotAllowed: (403, "Not allowed"),
    NotFound: (404, "Not found"),
    MethodNotAllowed: (405, "Method not allowed"),
    Conflict: (409, "Conflict"),
    Gone: (410, "Gone"),
    PreconditionFailed: (412, "Precondition failed"),
    TooLarge: (413, "Too large"),
    UnsupportedType: (415, "Unsupported type"),
    DocumentFault: (422, "The document can't be read"),
    KeyReused: (422, "Key reused"),
    Locked: (423, "Locked"),
    LimitReached: (429, "Limit reached"),
    # Not registered; tus 1.0 gives it this meaning.
    ChecksumDiffers: (460, "Checksum differs"),
    AppError: (500, "Internal error"),
    Unavailable: (503, "Unavailable"),
}
"""Status and title of each branch of the family."""


def status_and_title(error: AppError) -> tuple[int, str]:
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem(error: AppError) -> dict[str, Any]:
    """The body."""
    status, title = status_and_title(error)
    body: dict[str, Any] = {
        "type": f"urn:brainstem:problem:{error.error_code}",
        "title": title,
        "status": status,
        "detail": error.sentence,
        "code": error.error_code,
        "way_out": error.way_out,
    }
    if isinstance(error, InvalidInput) and error.fields:
        body["fields"] = error.fields
    if isinstance(error, LimitReached | Unavailable):
        body["retry_after_seconds"] = error.retry_after_seconds
    return body


def problem_headers(error: AppError) -> dict[str, str]:
    """The headers that belong to it."""
    if isinstance(error, LimitReached | Unavailable):
        return {"retry-after": str(error.retry_after_seconds)}
    if isinstance(error, NotAuthenticated):
        return {"www-authenticate": 'Bearer realm="api"'}
    return {}
