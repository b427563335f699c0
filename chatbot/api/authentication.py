"""Who speaks: a browser with a session. Bearer credentials are known in `accounts.api`."""

import copy
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from rest_framework import authentication
from rest_framework.request import Request

from chatbot.contracts.errors import NotAllowed
from chatbot.log_lines import log_as


@dataclass(frozen=True, slots=True)
class Credential:
    """What `request.auth` holds for Bearer credentials.

    `scopes` bound what an API key may do; None: no bound, as for access tokens and sessions.
    """

    scopes: frozenset[str] | None = None


def scopes_of(request: Request) -> frozenset[str] | None:
    """The scopes of the API key that speaks; None if no key does."""
    return request.auth.scopes if isinstance(request.auth, Credential) else None


class SessionAuthentication(authentication.SessionAuthentication):
    """A session cookie, and for what changes something the header X-CSRFToken."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        found = super().authenticate(request)
        if found is not None:
            log_as(user=found[0].pk)
        return found

    def enforce_csrf(self, request: Request) -> None:
        """Takes the token from the header alone.

        Looking for it in the form would read an upload before it is known to be allowed.
        """
        probe = copy.copy(request._request)  # noqa: SLF001 - DRF has no public name for it
        probe.POST = QueryDict()
        check = authentication.CSRFCheck(_no_response)
        check.process_request(probe)
        reason = check.process_view(probe, _no_response, (), {})
        if reason:
            raise NotAllowed(
                "The CSRF token is missing or wrong.",
                code="csrf-failed",
                way_out="Get one from auth/csrf and send it in the header X-CSRFToken.",
            )


def _no_response(_: HttpRequest) -> HttpResponse:
    """Where the check would pass the request on; it is only asked for its opinion."""
    return HttpResponse()


class FreshSessionAuthentication(SessionAuthentication):
    """For signing in and up: the CSRF token is asked for although there is no session yet."""

    def authenticate(self, request: Request) -> None:
        self.enforce_csrf(request)
