"""How many questions somebody may ask."""

from typing import TYPE_CHECKING, Final

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from chatbot.contracts.errors import LimitReached
from chatbot.rate_limits import hit

if TYPE_CHECKING:
    # DRF's views import this module, by the settings.
    from rest_framework.views import APIView

WINDOW_SECONDS: Final = 60


class QuestionThrottle(BaseThrottle):
    """`QUESTION_LIMIT_PER_MINUTE` for each person."""

    def allow_request(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002 - DRF's
        if request.method != "POST":
            return True
        wait = hit(
            scope="questions",
            identity=str(request.user.pk),
            limit=settings.QUESTION_LIMIT_PER_MINUTE,
            window_seconds=WINDOW_SECONDS,
        )
        if wait is not None:
            raise LimitReached(
                "Too many questions in this minute.",
                code="too-many-questions",
                way_out="Try again after the time in Retry-After.",
                retry_after_seconds=wait,
            )
        return True
