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
from django.db.models import Case, F, IntegerField, Q, When
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from chatbot.contracts.events import Source
from chatbot.conversations.models import Message, Turn, TurnState
from chatbot.conversations.selectors import sources_of
from chatbot.conversations.services.history import history_up_to

LEASE = timedelta(seconds=3)
MAX_ATTEMPTS = 3
"""Owners that may die over one answer."""
OWNER_CHARACTERS = 200
INTERRUPTED_CODE = "answer-interrupted"
INTERRUPTED_SENTENCE = "The chat service was interrupted several times while it wrote this answer."
CONTINUE_WAY_OUT = "What was written is kept: continue the answer."

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
    is_orphan = Q(state=TurnState.RUNNING, leased_until__lte=Now()) & ~Q(pk__in=written)
    ready = Q(state=TurnState.QUEUED) | is_orphan
    turns = Turn.objects.filter(ready, **({"pk": turn_id} if turn_id else {}))
    found = list(
        turns.select_for_update(skip_locked=True, of=("self",))
        .select_related("question", "answer", "conversation__brain")
        .order_by("created_at")[:limit]
    )
    orphans = {turn.pk for turn in found if turn.state == TurnState.RUNNING}
    lost = {turn.pk for turn in found if turn.pk in orphans and turn.attempts >= MAX_ATTEMPTS}
    mine = [turn for turn in found if turn.pk not in lost]
    if lost:
        _fail(lost)
    if mine:
        _own(mine, orphans, owner)
    return [
        _claim_of(
            turn,
            history=history_up_to(turn.question.parent_id),
            is_orphan=turn.pk in orphans,
        )
        for turn in mine
    ]


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


def _claim_of(
    turn: Turn,
    *,
    history: tuple[tuple[str, str], ...],
    is_orphan: bool,
) -> Claim:
    """The claim of a turn that is the claimer's in the database."""
    conversation = turn.conversation
    brain = conversation.brain
    is_first = turn.epoch == 0 or is_orphan
    return Claim(
        turn_id=turn.pk,
        fence=turn.fence,
        epoch=turn.epoch,
        seq=turn.seq,
        user_id=conversation.user_id,
        conversation_id=conversation.pk,
        question_id=turn.question.pk,
        answer_id=turn.answer.pk,
        parent_id=turn.question.parent_id,
        question=turn.question.text,
        text=turn.answer.text,
        sources=tuple(sources_of(turn.answer)) if turn.answer.text else (),
        history=history,
        brain_id=conversation.brain_id,
        instructions=brain.instructions if brain else "",
        model_id=conversation.model_id or (brain.model_id if brain else None),
        completion_tokens=turn.answer.completion_tokens or 0,
        asked_at=turn.created_at if is_first else timezone.now(),
        is_orphan=is_orphan,
        stop_requested=turn.stop_requested,
        request=turn.request,
        rewrites_questions=bool(brain and brain.rewrites_questions),
    )


def _own(turns: list[Turn], orphans: set[UUID], owner: str) -> None:
    """Writes the claimer into the turns, and the same into the objects that were read."""
    for turn in turns:
        turn.fence += 1
        turn.epoch += turn.pk in orphans
    Turn.objects.filter(pk__in=[turn.pk for turn in turns]).update(
        fence=F("fence") + 1,
        epoch=Case(
            When(state=TurnState.RUNNING, then=F("epoch") + 1),
            default=F("epoch"),
            output_field=IntegerField(),
        ),
        attempts=F("attempts") + 1,
        started_at=Coalesce("started_at", Now()),
        state=TurnState.RUNNING,
        owner=owner[:OWNER_CHARACTERS],
        leased_until=Now() + LEASE,
    )


def _fail(turn_ids: set[UUID]) -> None:
    """Ends turns that lost too many owners. What stands of their answers is kept."""
    Message.objects.filter(turn__in=turn_ids).update(finish_reason="error")
    Turn.objects.filter(pk__in=turn_ids).update(
        state=TurnState.FAILED,
        fence=F("fence") + 1,
        leased_until=None,
        finished_at=Now(),
        error_code=INTERRUPTED_CODE,
        error_sentence=INTERRUPTED_SENTENCE,
        error_way_out=CONTINUE_WAY_OUT,
    )
