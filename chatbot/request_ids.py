"""Every request has an id: the front door's, or its caller's, or a new one."""

import re
import secrets
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponseBase

from chatbot.log_lines import logged_as

HEADER: Final = "X-Request-ID"
_ID: Final = re.compile(r"[\w.-]{8,64}", re.ASCII)


def request_id(given: str | None) -> str:
    """The id that was given, if it is one; else a new one."""
    return given if given and _ID.fullmatch(given) else secrets.token_hex(8)


def name_requests(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware: lines of a request carry its id, and the answer tells it."""

    def named(request: HttpRequest) -> HttpResponseBase:
        own = request_id(request.headers.get(HEADER))
        with logged_as(request=own):
            response = get_response(request)
        response.headers[HEADER] = own
        return response

    return named
