"""The one door to conversations: they belong to one person, and that is part of every query."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from chatbot.contracts.errors import NotFound
from chatbot.contracts.events import Source
from chatbot.conversations.models import Citation, Conversation, Message, Turn

if TYPE_CHECKING:
    from chatbot.accounts.models import User

MAX_CITATIONS = 64
"""More than any prompt holds; bounds what is read for one answer."""


def readable_conversations(*, user: "User") -> QuerySet[Conversation, Conversation]:
    """The person's own conversations, newest first, with brain and both their models."""
    return Conversation.objects.filter(user=user).select_related("model", "brain__model")


def find_conversations(*, user: "User", search: str = "") -> QuerySet[Conversation, Conversation]:
    """The person's own conversations whose titles contain the words; empty: all."""
    conversations = readable_conversations(user=user)
    return conversations.filter(title__icontains=search) if search else conversations


def get_conversation(*, user: "User", conversation_id: UUID) -> Conversation:
    """One of the person's conversations.

    Raises:
        NotFound: it doesn't exist, or is somebody else's.
    """
    conversation = readable_conversations(user=user).filter(pk=conversation_id).first()
    if conversation is None:
        raise no_such_conversation()
    return conversation


def messages_of(*, user: "User", conversation_id: UUID) -> QuerySet[Message, Message]:
    """Questions and answers in order, each answer with `turn` and `citations`.

    Raises:
        NotFound: the conversation doesn't exist, or is somebody else's.
    """
    get_conversation(user=user, conversation_id=conversation_id)
    return (
        Message.objects.filter(conversation=conversation_id)
        .select_related("turn")
        .prefetch_related(_cited())
    )


def get_turn(*, user: "User", turn_id: UUID) -> Turn:
    """A turn of one of the person's conversations, with question, answer and citations.

    Raises:
        NotFound: it doesn't exist, or is somebody else's.
    """
    turn = (
        Turn.objects.filter(pk=turn_id, conversation__user=user)
        .select_related("question", "answer")
        .prefetch_related(_cited("answer__citations"))
        .first()
    )
    if turn is None:
        raise no_such_turn()
    return turn


def get_progress(*, user_id: UUID, turn_id: UUID) -> Turn:
    """State, epoch and sequence of one of the person's turns; nothing else is loaded.

    Raises:
        NotFound: it doesn't exist, or is somebody else's.
    """
    turns = Turn.objects.filter(pk=turn_id, conversation__user=user_id)
    turn = turns.only("state", "epoch", "seq").first()
    if turn is None:
        raise no_such_turn()
    return turn


def is_grounded(*, conversation_id: UUID) -> bool:
    """Whether any answer of the conversation cites a document that is still there."""
    return Citation.objects.filter(message__conversation=conversation_id).exists()


def sources_of(answer: Message) -> list[Source]:
    """The passages that were given to the model, as events and REST show them."""
    return [source_of(citation) for citation in answer.citations.all()]


def source_of(citation: Citation) -> Source:
    """A citation as events and REST show it; needs `document` to be loaded."""
    return Source(
        ordinal=citation.ordinal,
        document=str(citation.document_id),
        version=str(citation.version_id),
        title=citation.document.title,
        page_from=citation.page_from,
        page_to=citation.page_to,
        start=citation.start,
        end=citation.end,
        quote=citation.quote,
    )


def no_such_conversation() -> NotFound:
    return NotFound("There is no such conversation.", way_out="Choose one from the list.")


def no_such_turn() -> NotFound:
    return NotFound("There is no such turn.", way_out="Read the conversation's messages again.")


def _cited(path: str = "citations") -> "Prefetch[str, QuerySet[Citation, Citation], str]":
    return Prefetch(path, Citation.objects.select_related("document").order_by("ordinal"))
