"""Every error of the API as a problem of RFC 9457; the HTTP status is decided in one table here.

The body: `type` (a URN that ends with the code), `title`, `status`, `detail` (a sentence for
people), `code`, `way_out` (what to do next), and where they apply `fields` and
`retry_after_seconds`.
"""

import logging
import sys
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

from chatbot.api.foreign_errors import MethodNotAllowed, as_app_error, unforeseen
from chatbot.contracts.errors import (
    AppError,
    Conflict,
    DocumentFault,
    InvalidInput,
    LimitReached,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    TooLarge,
    Unavailable,
    UnsupportedType,
)

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
API_PREFIX: Final = "/api/"


STATUSES: Final[dict[type[AppError], tuple[int, str]]] = {
    InvalidInput: (400, "Invalid input"),
    NotAuthenticated: (401, "Not signed in"),
    NotAllowed: (403, "Not allowed"),
    NotFound: (404, "Not found"),
    MethodNotAllowed: (405, "Method not allowed"),
    Conflict: (409, "Conflict"),
    TooLarge: (413, "Too large"),
    UnsupportedType: (415, "Unsupported type"),
    DocumentFault: (422, "The document can't be read"),
    LimitReached: (429, "Limit reached"),
    AppError: (500, "Internal error"),
    Unavailable: (503, "Unavailable"),
}
"""Status and title of each branch of the family."""


def problem_response(exception: Exception, context: dict[str, Any]) -> HttpResponse:
    """What DRF calls for every exception that leaves a view."""
    error = as_app_error(exception)
    if type(error) is AppError:
        view = type(context.get("view")).__name__
        logger.error("%s failed", view, exc_info=exception)
    return respond(error)


def respond(error: AppError) -> JsonResponse:
    """The problem document of an error, with the headers that belong to it."""
    body = problem(error)
    response = JsonResponse(body, status=body["status"], content_type=MEDIA_TYPE)
    if "retry_after_seconds" in body:
        response["Retry-After"] = str(body["retry_after_seconds"])
    if isinstance(error, NotAuthenticated):
        response["WWW-Authenticate"] = 'Bearer realm="api"'
    return response


def problem(error: AppError) -> dict[str, Any]:
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


def status_and_title(error: AppError) -> tuple[int, str]:
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


# --- what Django calls outside of DRF's views; other addresses keep Django's own pages ---


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API_PREFIX):
        return respond(as_app_error(exception))
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API_PREFIX):
        return respond(as_app_error(exception))
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API_PREFIX):
        return respond(as_app_error(exception))
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """The last resort. A database that is away is said so in the admin, too."""
    exception = sys.exc_info()[1]
    error = as_app_error(exception) if exception else unforeseen()
    if request.path.startswith(API_PREFIX):
        return respond(error)
    if isinstance(error, Unavailable):
        response = HttpResponse(f"{error.sentence} {error.way_out}", "text/plain; charset=utf-8")
        response.status_code = status_and_title(error)[0]
        response["Retry-After"] = str(error.retry_after_seconds)
        return response
    return defaults.server_error(request)
