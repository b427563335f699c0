"""What a chat process writes into an answer, always under its fence."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from chatbot.contracts.events import Source
from chatbot.conversations.models import Citation, TurnState
from chatbot.conversations.services.quotas import COUNT
from chatbot.documents.models import Document

_TRIES = 3
_CHECKPOINT = """
WITH mine AS (
    UPDATE conversations_turn AS turn SET seq = saved.seq
    FROM unnest(%s::uuid[], %s::int[], %s::bigint[], %s::text[]) AS saved (id, fence, seq, text)
    WHERE turn.id = saved.id AND turn.fence = saved.fence AND turn.state = 'running'
    RETURNING turn.answer_id, saved.text
)
UPDATE conversations_message AS message SET text = mine.text
FROM mine WHERE message.id = mine.answer_id
"""

_FINALISE = f"""
WITH ended AS (
    UPDATE conversations_turn
    SET state = %(state)s, seq = %(seq)s, leased_until = NULL,
        finished_at = statement_timestamp(), error_code = %(error_code)s,
        error_sentence = %(error_sentence)s, error_way_out = %(error_way_out)s
    WHERE id = %(turn)s AND fence = %(fence)s AND state = 'running'
    RETURNING answer_id, conversation_id, api_key_id
), stored AS (
    UPDATE conversations_message AS message
    SET text = %(text)s,
        finish_reason = %(finish_reason)s,
        model_name = coalesce(nullif(%(model_name)s, ''), message.model_name),
        reasoning = coalesce(nullif(%(reasoning)s, ''), message.reasoning),
        tool_calls = coalesce(%(tool_calls)s::jsonb, message.tool_calls),
        prompt_tokens = coalesce(%(prompt_tokens)s::int, message.prompt_tokens),
        completion_tokens = coalesce(%(completion_tokens)s::int, message.completion_tokens),
        ttft_ms = coalesce(%(ttft_ms)s::int, message.ttft_ms),
        duration_ms = coalesce(%(duration_ms)s::int, message.duration_ms),
        cost = coalesce(coalesce(message.cost, 0) + (
            SELECT (price_prompt * %(prompt_tokens)s::int
                + price_completion * %(written_tokens)s::int) / 1000000
            FROM inference_inferencemodel
            WHERE name = %(model_name)s AND (price_prompt <> 0 OR price_completion <> 0)
        ), message.cost)
    FROM ended WHERE message.id = ended.answer_id
), counted AS ({COUNT})
SELECT (SELECT answer_id FROM ended)
"""  # noqa: S608 - put together from constants
"""A continued answer keeps the figures of which the outcome knows nothing, and its cost is what all
its runs cost by the model's prices; nothing without any.

Answers with the answer's id; nothing where the turn isn't the owner's, or has ended.
"""
_WAS_FINALISED = """
SELECT EXISTS (
    SELECT FROM conversations_turn
    WHERE id = %(turn)s AND fence = %(fence)s AND state = %(state)s AND seq = %(seq)s
)
"""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    turn_id: UUID
    fence: int
    seq: int
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended, and all that is stored of it."""

    state: TurnState
    seq: int
    """Of the terminal event."""
    text: str
    sources: Sequence[Source] | None = None
    """None: what is cited already stays."""
    model_name: str = ""
    finish_reason: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    written_tokens: int | None = None
    """Of the completion tokens those of this run: what stood before has been paid for."""
    ttft_ms: int | None = None
    duration_ms: int | None = None
    reasoning: str = ""
    tool_calls: Sequence[Mapping[str, object]] = ()
    """In OpenAI's form."""
    error_code: str = ""
    error_sentence: str = ""
    error_way_out: str = ""


def save_checkpoints(checkpoints: Iterable[Checkpoint]) -> None:
    """Text and sequence of running answers, in one statement; lost fences are passed over."""
    saved = list(checkpoints)
    with connection.cursor() as cursor:
        cursor.execute(
            _CHECKPOINT,
            [
                [one.turn_id for one in saved],
                [one.fence for one in saved],
                [one.seq for one in saved],
                [one.text for one in saved],
            ],
        )


def finalise(*, turn_id: UUID, fence: int, outcome: Outcome) -> bool:
    """Stores the answer once; False: the turn isn't the caller's any more.

    Saying it twice (the first commit's confirmation was lost) is fine.
    """
    cites = outcome.sources is not None
    for tries_left in reversed(range(_TRIES)):
        try:
            with transaction.atomic() if cites else nullcontext():
                return _finalise(turn_id, fence, outcome)
        except IntegrityError:
            # A cited document, or the API key, was deleted meanwhile; the next try leaves it out.
            if not tries_left:
                raise
    raise AssertionError


def _finalise(turn_id: UUID, fence: int, outcome: Outcome) -> bool:
    with connection.cursor() as cursor:
        named = _named(turn_id, fence, outcome)
        cursor.execute(_FINALISE, named)
        [answer_id] = cursor.fetchone()
        if answer_id is None:
            # In a statement of its own: it sees what the first one may have waited for.
            cursor.execute(_WAS_FINALISED, named)
            return bool(cursor.fetchone()[0])
    if outcome.sources is not None:
        _cite(answer_id, outcome.sources)
    return True


def _named(turn_id: UUID, fence: int, outcome: Outcome) -> dict[str, Any]:
    calls = list(outcome.tool_calls)
    return {
        "turn": turn_id,
        "fence": fence,
        "state": outcome.state,
        "seq": outcome.seq,
        "error_code": outcome.error_code,
        "error_sentence": outcome.error_sentence[:500],
        "error_way_out": outcome.error_way_out[:500],
        "text": outcome.text,
        "finish_reason": outcome.finish_reason,
        "model_name": outcome.model_name,
        "reasoning": outcome.reasoning,
        "tool_calls": json.dumps(calls) if calls else None,
        "prompt_tokens": outcome.prompt_tokens,
        "completion_tokens": outcome.completion_tokens,
        "written_tokens": outcome.written_tokens,
        "ttft_ms": outcome.ttft_ms,
        "duration_ms": outcome.duration_ms,
        "tokens": (outcome.prompt_tokens or 0) + (outcome.written_tokens or 0),
    }


def _cite(answer_id: UUID, sources: Sequence[Source]) -> None:
    """Replaces the answer's citations; those whose document has gone are left out."""
    Citation.objects.filter(message=answer_id).delete()
    if not sources:
        return
    cited = {UUID(source["document"]) for source in sources}
    kept = set(Document.objects.filter(pk__in=cited).values_list("pk", flat=True))
    Citation.objects.bulk_create(
        Citation(
            message_id=answer_id,
            ordinal=source["ordinal"],
            document_id=source["document"],
            version_id=source["version"],
            page_from=source["page_from"],
            page_to=source["page_to"],
            start=source["start"],
            end=source["end"],
            quote=source["quote"],
        )
        for source in sources
        if UUID(source["document"]) in kept
    )
