"""Questions as they come over the socket: counted, stored and claimed in one call to a thread."""

from uuid import UUID

from chatbot.accounts.models import User
from chatbot.conversations.services.asking import Parent
from chatbot.conversations.services.question_limit import count_question
from chatbot.conversations.services.regenerating import regenerate
from chatbot.conversations.services.turns import (
    Asked,
    Claimer,
    ask,
    continue_turn,
)


def ask_counted(
    *,
    user: User,
    conversation_id: UUID,
    text: str,
    client_id: str,
    parent_id: Parent,
    claimer: Claimer | None,
) -> Asked:
    """Stores a question and claims its turn; without a claimer it is left to another process.

    Raises:
        LimitReached: too many questions in this minute, or waiting.
        AppError: as `chatbot.conversations.services.turns.ask`.
    """
    count_question(user=user)
    return ask(
        user=user,
        conversation_id=conversation_id,
        text=text,
        client_id=client_id,
        parent_id=parent_id,
        claimer=claimer,
    )


def continue_counted(*, user: User, turn_id: UUID) -> Asked:
    """`continue_turn`; an answer that goes on counts as a question."""
    count_question(user=user)
    return continue_turn(user=user, turn_id=turn_id)


def regenerate_counted(*, user: User, turn_id: UUID) -> Asked:
    """`regenerate`; another answer counts as a question."""
    count_question(user=user)
    return regenerate(user=user, turn_id=turn_id)
