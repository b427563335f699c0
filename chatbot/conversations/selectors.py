"""The one door to conversations: they belong to one person, and that is part of every query."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import Prefetch, QuerySet, UUIDField
from django.db.models.expressions import RawSQL

from chatbot.contracts.errors import NotFound
from chatbot.contracts.events import Source
from chatbot.conversations.models import Citation, Conversation, Message, Origin, Turn

if TYPE_CHECKING:
    from chatbot.accounts.models import User

MAX_CITATIONS = 64
"""More than any prompt holds; bounds what is read for one answer."""

_UP = """
WITH RECURSIVE path AS (
    SELECT id, parent_id FROM conversations_message WHERE id = %s
    UNION ALL
    SELECT above.id, above.parent_id
    FROM path JOIN conversations_message AS above ON above.id = path.parent_id
)
"""
_PATH = f"{_UP} SELECT id FROM path"  # noqa: S608 - put together from constants
# Two branches, because a parent that is NULL equals nothing; each has an index.
_SIBLINGS = """
ARRAY(
    SELECT id FROM (
        SELECT beside.id, beside.ordinal FROM conversations_message AS beside
        WHERE beside.parent_id = conversations_message.parent_id
        UNION ALL
        SELECT beside.id, beside.ordinal FROM conversations_message AS beside
        WHERE conversations_message.parent_id IS NULL AND beside.parent_id IS NULL
            AND beside.conversation_id = conversations_message.conversation_id
    ) AS siblings ORDER BY ordinal
)
"""
# Ordinals rise along every path, so the highest below a message has nothing below it.
_END = """
WITH RECURSIVE below AS (
    SELECT id, ordinal FROM conversations_message WHERE id = %s AND conversation_id = %s
    UNION ALL
    SELECT message.id, message.ordinal
    FROM below JOIN conversations_message AS message ON message.parent_id = below.id
) SELECT id FROM below ORDER BY ordinal DESC LIMIT 1
"""
# By hand, because it stands before everything that is read.
_PROGRESS = """
SELECT turn.state, turn.epoch, turn.seq FROM conversations_turn AS turn
JOIN conversations_conversation AS conversation ON conversation.id = turn.conversation_id
WHERE turn.id = %s AND conversation.user_id = %s
"""
_IS_GROUNDED = f"""
{_UP} SELECT EXISTS (
    SELECT FROM path JOIN conversations_citation AS citation ON citation.message_id = path.id
)
"""  # noqa: S608 - put together from constants


def readable_conversations(*, user: "User") -> QuerySet[Conversation, Conversation]:
    """The person's own conversations, newest first, with brain and both their models."""
    return Conversation.objects.filter(user=user).select_related("model", "brain__model")


def find_conversations(*, user: "User", search: str = "") -> QuerySet[Conversation, Conversation]:
    """The person's own conversations whose titles contain the words; empty: all.

    What came through the OpenAI-compatible API is left out.
    """
    conversations = readable_conversations(user=user).filter(origin=Origin.UI)
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


def is_titled(*, conversation_id: UUID, title: str) -> bool:
    """Whether the conversation, whosever it is, has this title."""
    return Conversation.objects.filter(pk=conversation_id, title=title).exists()


def messages_of(*, user: "User", conversation_id: UUID) -> QuerySet[Message, Message]:
    """The path that is shown, in order: each answer with `turn` and `citations`.

    `siblings` has the ids of the messages that stand in the same place, itself among them.

    Raises:
        NotFound: the conversation doesn't exist, or is somebody else's.
    """
    conversation = get_conversation(user=user, conversation_id=conversation_id)
    siblings = RawSQL(_SIBLINGS, [], ArrayField(UUIDField()))  # noqa: S611 - a constant
    path = RawSQL(_PATH, [conversation.leaf_id])  # noqa: S611 - a constant
    return (
        Message.objects.filter(pk__in=path)
        .annotate(siblings=siblings)
        .select_related("turn")
        .prefetch_related(_cited())
    )


def end_of_path(*, conversation: Conversation, message_id: UUID) -> UUID:
    """The newest message behind one of the conversation's messages, or that one.

    Raises:
        NotFound: the message isn't in the conversation.
    """
    with connection.cursor() as cursor:
        cursor.execute(_END, [message_id, conversation.pk])
        found = cursor.fetchone()
    if found is None:
        raise no_such_message()
    end: UUID = found[0]
    return end


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


def get_completion(*, user: "User", turn_id: UUID) -> Turn:
    """`get_turn` of what the OpenAI-compatible API asked.

    Raises:
        NotFound: it doesn't exist, is somebody else's, or was asked elsewhere.
    """
    turn = get_turn(user=user, turn_id=turn_id)
    if turn.request is None:
        raise no_such_turn()
    return turn


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a turn is."""

    state: str
    epoch: int
    seq: int


def get_progress(*, user_id: UUID, turn_id: UUID) -> Progress:
    """How far one of the person's turns is.

    Raises:
        NotFound: it doesn't exist, or is somebody else's.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PROGRESS, [turn_id, user_id])
        found = cursor.fetchone()
    if found is None:
        raise no_such_turn()
    return Progress(*found)


def is_grounded(*, after_id: UUID | None) -> bool:
    """Whether an answer on the path to a message cites a document that is still there."""
    with connection.cursor() as cursor:
        cursor.execute(_IS_GROUNDED, [after_id])
        return bool(cursor.fetchone()[0])


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


def no_such_message() -> NotFound:
    return NotFound("There is no such message.", way_out="Read the conversation's messages again.")


def no_such_turn() -> NotFound:
    return NotFound("There is no such turn.", way_out="Read the conversation's messages again.")


def _cited(path: str = "citations") -> "Prefetch[str, QuerySet[Citation, Citation], str]":
    return Prefetch(path, Citation.objects.select_related("document").order_by("ordinal"))
