"""What a chat process writes into an answer, always under its fence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import DecimalField, ExpressionWrapper, F, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Now

from chatbot.contracts.events import Source
from chatbot.conversations.models import Citation, Message, Turn, TurnState
from chatbot.conversations.services.quotas import count_tokens
from chatbot.documents.models import DocumentVersion
from chatbot.inference.models import InferenceModel

_TRIES = 3
_TOKENS_OF_PRICE: Final = Decimal(1_000_000)
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
    for tries_left in reversed(range(_TRIES)):
        try:
            return _finalise(turn_id, fence, outcome)
        except IntegrityError:
            # A cited document was deleted meanwhile; the next try leaves it out.
            if not tries_left:
                raise
    raise AssertionError


@transaction.atomic
def _finalise(turn_id: UUID, fence: int, outcome: Outcome) -> bool:
    turns = Turn.objects.filter(pk=turn_id, fence=fence)
    ended = turns.filter(state=TurnState.RUNNING).update(
        state=outcome.state,
        seq=outcome.seq,
        leased_until=None,
        finished_at=Now(),
        error_code=outcome.error_code,
        error_sentence=outcome.error_sentence[:500],
        error_way_out=outcome.error_way_out[:500],
    )
    if not ended:
        return turns.filter(state=outcome.state, seq=outcome.seq).exists()
    answer_id = turns.values_list("answer_id", flat=True).get()
    Message.objects.filter(pk=answer_id).update(
        text=outcome.text,
        finish_reason=outcome.finish_reason,
        **_known_figures(outcome),
        **_cost(outcome),
    )
    if outcome.sources is not None:
        _cite(answer_id, outcome.sources)
    if tokens := (outcome.prompt_tokens or 0) + (outcome.written_tokens or 0):
        count_tokens(turn_id=turn_id, tokens=tokens)
    return True


def _known_figures(outcome: Outcome) -> dict[str, Any]:
    """A continued answer keeps the figures of which the outcome knows nothing."""
    figures = {
        "model_name": outcome.model_name or None,
        "reasoning": outcome.reasoning or None,
        "tool_calls": list(outcome.tool_calls) or None,
        "prompt_tokens": outcome.prompt_tokens,
        "completion_tokens": outcome.completion_tokens,
        "ttft_ms": outcome.ttft_ms,
        "duration_ms": outcome.duration_ms,
    }
    return {name: figure for name, figure in figures.items() if figure is not None}


def _cost(outcome: Outcome) -> dict[str, Combinable]:
    """What this run adds to the answer's cost, by the model's prices; nothing without any."""
    if outcome.prompt_tokens is None or outcome.written_tokens is None:
        return {}
    priced = InferenceModel.objects.filter(name=outcome.model_name).exclude(
        price_prompt=0, price_completion=0
    )
    money: DecimalField[Any, Any] = DecimalField(max_digits=18, decimal_places=9)
    price = ExpressionWrapper(
        (F("price_prompt") * outcome.prompt_tokens + F("price_completion") * outcome.written_tokens)
        / _TOKENS_OF_PRICE,
        output_field=money,
    )
    added = Subquery(priced.values(price=price)[:1], output_field=money)
    so_far = Coalesce("cost", Decimal(0), output_field=money)
    return {"cost": Coalesce(so_far + added, F("cost"), output_field=money)}


def _cite(answer_id: UUID, sources: Sequence[Source]) -> None:
    """Replaces the answer's citations; those whose document has gone are left out."""
    Citation.objects.filter(message=answer_id).delete()
    if not sources:
        return
    versions = {UUID(source["version"]) for source in sources}
    kept = set(DocumentVersion.objects.filter(pk__in=versions).values_list("pk", flat=True))
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
        if UUID(source["version"]) in kept
    )
