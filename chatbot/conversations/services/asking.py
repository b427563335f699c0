"""The two statements behind a question, written by hand: they stand between asking and answering.

The first locks the conversation and then, in a snapshot that begins after the wait for the lock,
reads all that asking depends on; the second stores question, answer and turn, and puts the
conversation to the top of the list.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from django.db import connection

from chatbot.brains.selectors import readable_brains
from chatbot.contracts.errors import InvalidInput, LimitReached, NotAllowed
from chatbot.conversations.models import MessageRole, TurnState
from chatbot.conversations.selectors import no_such_conversation, no_such_message
from chatbot.conversations.services.claims import LEASE, OWNER_CHARACTERS
from chatbot.conversations.services.history import RECENT, RECENT_BOUNDS, decoded, recent
from chatbot.conversations.services.quotas import USED, Quotas, check_quotas, quotas_of
from chatbot.prepared_statements import PreparedStatement
from chatbot.short_transactions import ShortTransaction

if TYPE_CHECKING:
    from chatbot.accounts.models import User

UNFINISHED_PER_USER = 32
UNFINISHED_IN_ALL = 2_000
"""Being written, too: three full processes. Those that wait are bounded for each endpoint."""
RETRY_AFTER_SECONDS = 10

_LOCK = PreparedStatement(
    """
SELECT 1 FROM conversations_conversation
WHERE id = %(conversation)s AND user_id = %(user)s FOR UPDATE
""",
    types={"conversation": "uuid", "user": "uuid"},
)
_READ = PreparedStatement(
    f"""
WITH start AS (
    SELECT parent.id, parent.role
    FROM conversations_conversation AS own JOIN conversations_message AS parent
        ON parent.id = CASE WHEN %(at_end)s THEN own.leaf_id ELSE %(parent)s::uuid END
    WHERE own.id = %(conversation)s AND parent.conversation_id = own.id
)
SELECT conversation.brain_id, conversation.model_id, conversation.title,
    brain.instructions, brain.model_id, brain.rewrites_questions,
    (SELECT max(ordinal) FROM conversations_message WHERE conversation_id = conversation.id),
    (SELECT count(*) FROM conversations_turn WHERE state IN ('queued', 'running')),
    (SELECT count(*) FROM conversations_turn AS turn
        JOIN conversations_conversation AS own ON own.id = turn.conversation_id
        WHERE turn.state IN ('queued', 'running') AND own.user_id = conversation.user_id),
    (SELECT json_build_array(asked.text, turn.id, asked.id, turn.answer_id)
        FROM conversations_message AS asked
        JOIN conversations_turn AS turn ON turn.question_id = asked.id
        WHERE asked.conversation_id = conversation.id AND asked.client_id = %(client_id)s
        ORDER BY turn.created_at LIMIT 1),
    (SELECT json_build_array(id, role) FROM start),
    {USED},
    ({RECENT})
FROM conversations_conversation AS conversation
LEFT JOIN brains_brain AS brain ON brain.id = conversation.brain_id
WHERE conversation.id = %(conversation)s AND conversation.user_id = %(user)s
""",  # noqa: S608 - put together from constants
    types={
        "conversation": "uuid",
        "user": "uuid",
        "at_end": "bool",
        "parent": "uuid",
        "client_id": "text",
        "key": "uuid",
        **dict.fromkeys(RECENT_BOUNDS, "int"),
    },
)
_WRITE = """
WITH messages AS (
    INSERT INTO conversations_message
        (id, conversation_id, parent_id, ordinal, role, text, client_id, model_name, finish_reason,
            created_at)
    VALUES
        (%(question)s, %(conversation)s, %(parent)s, %(ordinal)s, 'user', %(text)s, %(client_id)s,
            '', '', statement_timestamp()),
        (%(answer)s, %(conversation)s, %(question)s, %(ordinal)s + 1, 'assistant', '', NULL,
            '', '', statement_timestamp())
), touched AS (
    UPDATE conversations_conversation
    SET updated_at = statement_timestamp(), title = %(title)s, leaf_id = %(answer)s
    WHERE id = %(conversation)s
)
INSERT INTO conversations_turn
    (id, conversation_id, question_id, answer_id, state, owner, fence, attempts, leased_until,
        started_at, api_key_id, request, epoch, seq, stop_requested, error_code, error_sentence,
        error_way_out, created_at)
VALUES
    (%(turn)s, %(conversation)s, %(question)s, %(answer)s, %(state)s, %(owner)s, %(claims)s,
        %(claims)s, statement_timestamp() + make_interval(secs => %(lease)s),
        CASE WHEN %(claims)s > 0 THEN statement_timestamp() END, %(key)s,
        %(request)s::jsonb, 0, 0, false, '', '', '', statement_timestamp())
"""


class Place(Enum):
    """Where a question goes that names no message to stand behind."""

    END = "end"
    """Behind what is shown."""


Parent = UUID | None | Literal[Place.END]
"""The answer that a question stands behind; None: it begins the conversation."""


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    client_id: str | None
    """The same id asks once in a conversation."""
    request: Mapping[str, Any] | None = None
    """Of a completion: messages and options as they were given."""


@dataclass(frozen=True, slots=True)
class AskedBefore:
    """A question of the same conversation with the same client id."""

    text: str
    turn_id: UUID
    question_id: UUID
    answer_id: UUID


@dataclass(frozen=True, slots=True)
class Facts:
    """A conversation, locked, with all that asking depends on."""

    conversation_id: UUID
    brain_id: UUID | None
    model_id: UUID | None
    """Of the conversation, else of the brain; None: the default."""
    title: str
    instructions: str
    rewrites_questions: bool
    """Of the brain: before they are searched for."""
    parent_id: UUID | None
    """What the question stands behind; None: nothing."""
    last_ordinal: int
    unfinished_in_all: int
    unfinished_of_user: int
    asked_before: AskedBefore | None
    key_id: UUID | None
    """The API key that asks."""
    quotas: Quotas
    history: tuple[tuple[str, str], ...]
    """The path to the parent, and it."""


@dataclass(frozen=True, slots=True)
class NewTurn:
    """Ids of what a question makes."""

    turn_id: UUID
    question_id: UUID
    answer_id: UUID


@dataclass(frozen=True, slots=True)
class Before:
    """A statement that goes before; `check` gets its row, and may raise."""

    statement: PreparedStatement
    named: Mapping[str, Any]
    check: Callable[[tuple[Any, ...]], None]


def lock_and_read(
    own: ShortTransaction,
    user: "User",
    conversation_id: UUID,
    client_id: str | None = None,
    parent: Parent = Place.END,
    *,
    before: Before | None = None,
) -> Facts:
    """Begins the transaction, and locks one of the person's conversations until it ends.

    Raises:
        NotFound: it doesn't exist, or is somebody else's; or the parent isn't in it.
        InvalidInput: the parent is a question.
    """
    statements = [_LOCK, _READ]
    named = {
        "conversation": conversation_id,
        "user": user.pk,
        "client_id": client_id,
        "at_end": parent is Place.END,
        "parent": None if parent is Place.END else parent,
        "key": user.acting_key_id,
        **RECENT_BOUNDS,
    }
    if before is not None:
        statements.insert(0, before.statement)
        named |= before.named
    with connection.cursor() as cursor:
        own.first(cursor, statements, named)
        if before is not None:
            before.check(cursor.fetchone())
            cursor.nextset()
        cursor.nextset()
        row = cursor.fetchone()
    if row is None:
        raise no_such_conversation()
    brain_id, model_id, title, instructions, brain_model_id, rewrites, last, *rest = row
    in_all, of_user, before, start, of_person, of_key, past = rest
    return Facts(
        conversation_id=conversation_id,
        brain_id=brain_id,
        model_id=model_id or brain_model_id,
        title=title,
        instructions=instructions or "",
        rewrites_questions=bool(rewrites),
        parent_id=_parent_id(decoded(start), parent),
        last_ordinal=last or 0,
        unfinished_in_all=in_all,
        unfinished_of_user=of_user,
        asked_before=_asked_before(decoded(before)),
        key_id=user.acting_key_id,
        quotas=quotas_of(decoded(of_person), decoded(of_key)),
        history=recent(past),
    )


def check_may_ask(user: "User", facts: Facts) -> None:
    """Membership of the brain, the bounds of the queue, and what may be used in a day.

    Raises:
        NotAllowed: `brain-closed`.
        LimitReached: `too-many-unfinished`, `queue-full`, `quota-exceeded`.
    """
    if facts.brain_id and not readable_brains(user=user).filter(pk=facts.brain_id).exists():
        raise NotAllowed(
            "You are no longer a member of this conversation's brain.",
            code="brain-closed",
            way_out="Ask an owner of the brain, or begin a conversation without it.",
        )
    check_quotas(facts.quotas)
    if facts.unfinished_of_user >= UNFINISHED_PER_USER:
        raise LimitReached(
            f"{UNFINISHED_PER_USER} of your questions wait for their answers.",
            code="too-many-unfinished",
            way_out="Wait for an answer, or stop one.",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )
    if facts.unfinished_in_all >= UNFINISHED_IN_ALL:
        raise LimitReached(
            "Too many questions wait for the model.",
            code="queue-full",
            way_out="Try again in a moment.",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )


def store(
    own: ShortTransaction,
    facts: Facts,
    new: NewTurn,
    question: Question,
    *,
    title: str,
    owner: str,
) -> None:
    """Stores question, empty answer and turn: queued, or the owner's at once. Then commits."""
    named: dict[str, Any] = {
        "conversation": facts.conversation_id,
        "turn": new.turn_id,
        "question": new.question_id,
        "answer": new.answer_id,
        "key": facts.key_id,
        "parent": facts.parent_id,
        "ordinal": facts.last_ordinal + 1,
        "text": question.text,
        "client_id": question.client_id,
        "title": title,
        "request": None if question.request is None else json.dumps(question.request),
        "owner": owner[:OWNER_CHARACTERS],
        "state": TurnState.RUNNING.value if owner else TurnState.QUEUED.value,
        "claims": 1 if owner else 0,
        "lease": LEASE.total_seconds() if owner else None,
    }
    with connection.cursor() as cursor:
        own.last(cursor, _WRITE, named)


def _parent_id(found: list[str] | None, wished: Parent) -> UUID | None:
    if found is None:
        if isinstance(wished, UUID):
            raise no_such_message()
        return None
    found_id, role = found
    if role != MessageRole.ASSISTANT:
        raise InvalidInput(
            "A question stands behind an answer, or at the beginning.",
            way_out="Name the message above the question that you change.",
            fields={"parent": ["Must be an answer."]},
        )
    return UUID(found_id)


def _asked_before(found: list[str] | None) -> AskedBefore | None:
    if found is None:
        return None
    text, *ids = found
    return AskedBefore(text, *(UUID(one) for one in ids))
