"""Another answer to a question that has one."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chatbot import jobs
from chatbot.conversations.models import (
    UNFINISHED_TURN_STATES,
    Conversation,
    Message,
    MessageRole,
    Turn,
)
from chatbot.conversations.selectors import no_such_turn
from chatbot.conversations.services.asking import check_may_ask, lock_and_read
from chatbot.conversations.services.turns import Asked
from chatbot.short_transactions import ShortTransaction

if TYPE_CHECKING:
    from chatbot.accounts.models import User


@transaction.atomic
def regenerate(*, user: "User", turn_id: UUID) -> Asked:
    """Queues another answer to the turn's question, beside those it has; it is shown from now on.

    While one of them is being written, that is the answer, and nothing is begun.

    Raises:
        NotFound: no such turn, or somebody else's.
        NotAllowed: the user is no longer a member of the conversation's brain.
        LimitReached: too many questions wait.
    """
    asked = Turn.objects.filter(pk=turn_id, conversation__user=user).first()
    if asked is None:
        raise no_such_turn()
    facts = lock_and_read(ShortTransaction(), user, asked.conversation_id)
    written = Turn.objects.filter(
        question=asked.question_id, state__in=UNFINISHED_TURN_STATES
    ).first()
    if written is not None:
        return Asked.of(written, created=False)
    check_may_ask(user, facts)
    answer = Message.objects.create(
        conversation_id=asked.conversation_id,
        parent_id=asked.question_id,
        ordinal=facts.last_ordinal + 1,
        role=MessageRole.ASSISTANT,
    )
    turn = Turn.objects.create(
        conversation_id=asked.conversation_id,
        question_id=asked.question_id,
        answer=answer,
        request=asked.request,
        api_key_id=facts.key_id,
    )
    Conversation.objects.filter(pk=asked.conversation_id).update(
        leaf=answer, updated_at=timezone.now()
    )
    jobs.nudge_chat_service({"queued": str(turn.pk)})
    return Asked.of(turn, created=True)
