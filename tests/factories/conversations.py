"""Conversations and turns as tests need them."""

from datetime import timedelta

from django.utils import timezone

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.conversations.models import Conversation, Message, MessageRole, Turn, TurnState
from chatbot.inference.models import InferenceModel


def make_conversation(
    user: User,
    *,
    brain: Brain | None = None,
    model: InferenceModel | None = None,
    title: str = "",
) -> Conversation:
    return Conversation.objects.create(user=user, brain=brain, model=model, title=title)


def make_turn(
    conversation: Conversation,
    *,
    question: str = "What is a brainstem?",
    answer: str = "",
    state: TurnState = TurnState.QUEUED,
    finish_reason: str = "",
) -> Turn:
    """A turn after all the others of the conversation."""
    ordinal = conversation.messages.count() + 1
    asked = Message.objects.create(
        conversation=conversation, ordinal=ordinal, role=MessageRole.USER, text=question
    )
    answered = Message.objects.create(
        conversation=conversation,
        ordinal=ordinal + 1,
        role=MessageRole.ASSISTANT,
        text=answer,
        finish_reason=finish_reason,
    )
    return Turn.objects.create(
        conversation=conversation, question=asked, answer=answered, state=state
    )


def make_orphan(conversation: Conversation, *, attempts: int = 1, answer: str = "") -> Turn:
    """A turn whose owner died a while ago."""
    turn = make_turn(conversation, answer=answer, state=TurnState.RUNNING)
    turn.fence = turn.attempts = attempts
    turn.seq = int(bool(answer))
    turn.leased_until = timezone.now() - timedelta(seconds=5)
    turn.save()
    return turn
