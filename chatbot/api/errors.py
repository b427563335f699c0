"""Every error of the API as a problem of RFC 9457 (`chatbot.contracts.problems`)."""

import logging
import sys
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

from chatbot.api.foreign_errors import as_app_error, unforeseen
from chatbot.contracts.errors import AppError, Unavailable
from chatbot.contracts.problems import MEDIA_TYPE, problem, problem_headers, status_and_title

logger = logging.getLogger(__name__)

API_PREFIX: Final = "/api/"


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
    return JsonResponse(
        body, status=body["status"], content_type=MEDIA_TYPE, headers=problem_headers(error)
    )


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
