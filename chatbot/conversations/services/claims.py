"""Who writes an answer: claims, leases and fences of chat processes.

A claim raises the turn's fence, and every later write of the claimer counts only while the fence is
still its own. A lease that nobody renews for three seconds makes the turn an orphan, which any chat
process may claim. All times are the database's.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from chatbot.contracts.events import Source
from chatbot.conversations.models import Message
from chatbot.conversations.selectors import sources_of
from chatbot.conversations.services.history import RECENT, RECENT_BOUNDS, decoded, recent

LEASE = timedelta(seconds=3)
MAX_ATTEMPTS = 3
"""Owners that may die over one answer."""
OWNER_CHARACTERS = 200
INTERRUPTED_CODE = "answer-interrupted"
INTERRUPTED_SENTENCE = "The chat service was interrupted several times while it wrote this answer."
CONTINUE_WAY_OUT = "What was written is kept: continue the answer."

_CLAIM = f"""
WITH ready AS (
    SELECT id, state = 'running' AS is_orphan,
        state = 'running' AND attempts >= %(attempts)s AS is_lost
    FROM conversations_turn
    WHERE (state = 'queued' OR (state = 'running' AND leased_until <= statement_timestamp()
            AND id <> ALL (%(written)s::uuid[])))
        AND (%(turn)s::uuid IS NULL OR id = %(turn)s)
    ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), lost AS (
    UPDATE conversations_turn AS turn
    SET state = 'failed', fence = fence + 1, leased_until = NULL,
        finished_at = statement_timestamp(), error_code = %(error_code)s,
        error_sentence = %(error_sentence)s, error_way_out = %(error_way_out)s
    FROM ready WHERE turn.id = ready.id AND ready.is_lost
    RETURNING turn.answer_id
), lost_answers AS (
    UPDATE conversations_message AS message SET finish_reason = 'error'
    FROM lost WHERE message.id = lost.answer_id
), mine AS (
    UPDATE conversations_turn AS turn
    SET state = 'running', fence = fence + 1, epoch = epoch + ready.is_orphan::int,
        attempts = attempts + 1, started_at = coalesce(started_at, statement_timestamp()),
        owner = %(owner)s,
        leased_until = statement_timestamp() + make_interval(secs => %(lease)s)
    FROM ready WHERE turn.id = ready.id AND NOT ready.is_lost
    RETURNING turn.*, ready.is_orphan
)
SELECT mine.id AS turn_id, mine.fence, mine.epoch, mine.seq, conversation.user_id,
    conversation.id AS conversation_id, question.id AS question_id, answer.id AS answer_id,
    question.parent_id, question.text AS question, answer.text,
    coalesce(answer.completion_tokens, 0) AS completion_tokens,
    conversation.brain_id, coalesce(brain.instructions, '') AS instructions,
    coalesce(brain.rewrites_questions, false) AS rewrites_questions,
    coalesce(conversation.model_id, brain.model_id) AS model_id,
    CASE WHEN mine.epoch = 0 OR mine.is_orphan THEN mine.created_at
        ELSE statement_timestamp() END AS asked_at,
    mine.is_orphan, mine.stop_requested, mine.request,
    (WITH start AS (SELECT question.parent_id AS id) {RECENT}) AS history
FROM mine
JOIN conversations_message AS question ON question.id = mine.question_id
JOIN conversations_message AS answer ON answer.id = mine.answer_id
JOIN conversations_conversation AS conversation ON conversation.id = mine.conversation_id
LEFT JOIN brains_brain AS brain ON brain.id = conversation.brain_id
ORDER BY mine.created_at
"""  # noqa: S608 - put together from constants
"""Columns are fields of `Claim`."""
_RENEW = """
UPDATE conversations_turn AS turn
SET leased_until = statement_timestamp() + make_interval(secs => %s)
FROM unnest(%s::uuid[], %s::int[]) AS mine (id, fence)
WHERE turn.id = mine.id AND turn.fence = mine.fence AND turn.state = 'running'
RETURNING turn.id, turn.stop_requested
"""
_RELEASE = """
UPDATE conversations_turn AS turn
SET leased_until = statement_timestamp(), attempts = greatest(turn.attempts - 1, 0)
FROM unnest(%s::uuid[], %s::int[]) AS mine (id, fence)
WHERE turn.id = mine.id AND turn.fence = mine.fence AND turn.state = 'running'
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A turn that this process may write, with all that it takes to write it."""

    turn_id: UUID
    fence: int
    epoch: int
    seq: int
    """Of the checkpoint."""
    user_id: UUID
    conversation_id: UUID
    question_id: UUID
    answer_id: UUID
    parent_id: UUID | None
    """The message that the question stands behind; None: it begins the conversation."""
    question: str
    text: str
    """What stands of the answer, by the checkpoint."""
    sources: tuple[Source, ...]
    """Citations of an answer that is continued."""
    history: tuple[tuple[str, str], ...]
    """Role and text of the messages on the path to the question, oldest first."""
    brain_id: UUID | None
    instructions: str
    model_id: UUID | None
    """None: the default model."""
    completion_tokens: int
    """What the standing text was counted as."""
    asked_at: datetime
    is_orphan: bool
    """The owner died: the stream log may know more than the checkpoint."""
    stop_requested: bool
    request: Mapping[str, Any] | None = None
    """Of a completion: messages and options as they were given; `history` is empty then."""
    rewrites_questions: bool = False
    """Of the brain: before they are searched for."""


@transaction.atomic
def claim_turns(
    *, owner: str, limit: int, turn_id: UUID | None = None, written: Collection[UUID] = ()
) -> list[Claim]:
    """Claims queued turns and orphans, oldest first; those of other claimers are skipped.

    An orphan opens a new epoch. One that has lost too many owners fails instead. Turns that the
    claimer still writes (`written`) are none, however late it comes to renew their leases.
    """
    named = {
        "turn": turn_id,
        "written": list(written),
        "limit": limit,
        "owner": owner[:OWNER_CHARACTERS],
        "lease": LEASE.total_seconds(),
        "attempts": MAX_ATTEMPTS,
        "error_code": INTERRUPTED_CODE,
        "error_sentence": INTERRUPTED_SENTENCE,
        "error_way_out": CONTINUE_WAY_OUT,
        **RECENT_BOUNDS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, named)
        names = [column.name for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [_claim_of(one) for one in found]


def renew_leases(*, fences: Mapping[UUID, int]) -> dict[UUID, bool]:
    """Prolongs leases in one statement; says for each whether a stop was asked for.

    A turn that is missing in the answer is no longer the caller's.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, [LEASE.total_seconds(), list(fences), list(fences.values())])
        return dict(cursor.fetchall())


def release_leases(*, fences: Mapping[UUID, int]) -> None:
    """Ends leases now, so that another process goes on at once; it isn't counted as a death."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [list(fences), list(fences.values())])


def _claim_of(found: dict[str, Any]) -> Claim:
    """The claim of a turn that is the claimer's in the database, from the columns of `_CLAIM`."""
    answer = Message(pk=found["answer_id"])
    changed = {
        "history": recent(found["history"]),
        "request": decoded(found["request"]),
        "sources": tuple(sources_of(answer)) if found["text"] else (),
    }
    return Claim(**(found | changed))
