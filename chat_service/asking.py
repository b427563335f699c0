"""Questions as they come over the socket: counted, stored and claimed in one call to a thread."""

from typing import Final
from uuid import UUID

from django.conf import settings

from chatbot.accounts.models import User
from chatbot.contracts.errors import LimitReached
from chatbot.conversations.services.turns import (
    Asked,
    Claimer,
    ask,
    ask_and_claim,
    continue_turn,
)
from chatbot.rate_limits import hit

WINDOW_SECONDS: Final = 60
_SCOPE: Final = "questions"
"""The same counter as that of the REST API."""


def ask_counted(
    *, user: User, conversation_id: UUID, text: str, client_id: str, claimer: Claimer | None
) -> Asked:
    """Stores a question and claims its turn; without a claimer it is left to another process.

    Raises:
        LimitReached: too many questions in this minute, or waiting.
        AppError: as `chatbot.conversations.services.turns.ask`.
    """
    _count(user)
    if claimer is None:
        return ask(user=user, conversation_id=conversation_id, text=text, client_id=client_id)
    return ask_and_claim(
        user=user,
        conversation_id=conversation_id,
        text=text,
        client_id=client_id,
        claimer=claimer,
    )


def continue_counted(*, user: User, turn_id: UUID) -> Asked:
    """`continue_turn`; an answer that goes on counts as a question."""
    _count(user)
    return continue_turn(user=user, turn_id=turn_id)


def _count(user: User) -> None:
    wait = hit(
        scope=_SCOPE,
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
