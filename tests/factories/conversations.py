"""Conversations and turns as tests need them."""

from datetime import timedelta

from django.utils import timezone

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.conversations.models import (
    Citation,
    Conversation,
    Message,
    MessageRole,
    Turn,
    TurnState,
)
from chatbot.inference.models import InferenceModel
from tests.factories.documents import make_document, version_of


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
        conversation=conversation,
        parent=conversation.messages.order_by("ordinal").last(),
        ordinal=ordinal,
        role=MessageRole.USER,
        text=question,
    )
    answered = Message.objects.create(
        conversation=conversation,
        parent=asked,
        ordinal=ordinal + 1,
        role=MessageRole.ASSISTANT,
        text=answer,
        finish_reason=finish_reason,
    )
    conversation.leaf = answered
    conversation.save(update_fields=["leaf"])
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


def make_citation(turn: Turn, brain: Brain) -> Citation:
    """The turn's answer cites a document of the brain."""
    document = make_document(brain)
    return Citation.objects.create(
        message=turn.answer,
        ordinal=1,
        document=document,
        version=version_of(document),
        page_from=1,
        page_to=1,
        start=0,
        end=4,
        quote="Some",
    )
