"""How many questions somebody may ask."""

from typing import TYPE_CHECKING, cast

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from chatbot.conversations.services.question_limit import count_question

if TYPE_CHECKING:
    # DRF's views import this module, by the settings.
    from rest_framework.views import APIView

    from chatbot.accounts.models import User


class QuestionThrottle(BaseThrottle):
    """`QUESTION_LIMIT_PER_MINUTE` for each person, over REST and over the socket together."""

    def allow_request(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002 - DRF's
        if request.method == "POST":
            count_question(user=cast("User", request.user))
        return True
