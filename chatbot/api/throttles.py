"""How many requests somebody may make."""

from typing import TYPE_CHECKING, Final

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from chatbot.api.client import client_address
from chatbot.contracts.errors import LimitReached
from chatbot.rate_limits import hit

if TYPE_CHECKING:
    # DRF's views import this module, by the settings.
    from rest_framework.views import APIView

WINDOW_SECONDS: Final = 60


class RequestThrottle(BaseThrottle):
    """`REQUEST_LIMIT_PER_MINUTE` for each person, and for each address that is not signed in."""

    def allow_request(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002 - DRF's
        user = request.user
        identity = str(user.pk) if user.is_authenticated else client_address(request._request)  # noqa: SLF001
        wait = hit(
            scope="requests",
            identity=identity,
            limit=settings.REQUEST_LIMIT_PER_MINUTE,
            window_seconds=WINDOW_SECONDS,
        )
        if wait is not None:
            raise LimitReached(
                "Too many requests in this minute.",
                code="too-many-requests",
                way_out="Slow down, and try again after the time in Retry-After.",
                retry_after_seconds=wait,
            )
        return True
