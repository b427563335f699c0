"""How many questions somebody may ask in a minute, through whichever door."""

from typing import TYPE_CHECKING, Final

from django.conf import settings

from chatbot.contracts.errors import LimitReached
from chatbot.rate_limits import hit

if TYPE_CHECKING:
    from chatbot.accounts.models import User

WINDOW_SECONDS: Final = 60


def count_question(*, user: "User") -> None:
    """Counts one more question of the person; an answer that goes on is one, too.

    Raises:
        LimitReached: `too-many-questions`, beyond `QUESTION_LIMIT_PER_MINUTE`.
    """
    wait = hit(
        scope="questions",
        identity=str(user.pk),
        limit=settings.QUESTION_LIMIT_PER_MINUTE,
        window_seconds=WINDOW_SECONDS,
    )
    if wait is not None:
        raise LimitReached(
            "Too many questions in this minute.",
            code="too-many-questions",
            way_out="Ask again in a moment.",
            retry_after_seconds=wait,
        )
