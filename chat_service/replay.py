"""The events of an answer whose log has gone, made from what is stored.

They are numbered from the middle of the turn's epoch, where live events never come, so that a
client that was in the middle of the live ones is told everything again and nothing twice.
"""

from dataclasses import dataclass
from uuid import UUID

from chat_service.asides import numbered
from chat_service.stream_log import Entry, entry
from chatbot.contracts.events import EPOCH_STRIDE
from chatbot.conversations.models import TERMINAL_TURN_STATES, Turn, TurnState
from chatbot.conversations.selectors import Progress, sources_of

_HALF = EPOCH_STRIDE // 2


def ended_turns(turn_ids: list[UUID]) -> set[UUID]:
    """Those of the turns that have ended or are gone. Whoever asks had them checked before."""
    unfinished = Turn.objects.filter(pk__in=turn_ids).exclude(state__in=TERMINAL_TURN_STATES)
    return set(turn_ids) - set(unfinished.values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class Replay:
    """What a reader still has to be told of a turn, and whether the turn is over."""

    entries: list[Entry]
    is_over: bool


def replay(turn_id: UUID, *, after: int) -> Replay:
    """Events for a reader who has seen `after`; none if it saw the end, or the turn goes on."""
    turn = (
        Turn.objects.filter(pk=turn_id, state__in=TERMINAL_TURN_STATES)
        .select_related("answer", "conversation")
        .first()
    )
    if turn is None:
        goes_on = Turn.objects.filter(pk=turn_id).exists()
        return Replay([] if goes_on else [_gone(turn_id, after)], is_over=not goes_on)
    if has_seen_end(turn, after=after):
        return Replay([], is_over=True)
    start = turn.epoch * EPOCH_STRIDE + _HALF
    events = _events(turn)
    entries = [entry(turn.pk, start + number, one) for number, one in enumerate(events, 1)]
    return Replay([one for one in entries if one.seq > after], is_over=True)


def has_seen_end(turn: Turn | Progress, *, after: int) -> bool:
    """Whether a reader who has seen `after` has seen the turn's terminal event, live."""
    return turn.state in TERMINAL_TURN_STATES and 0 < turn.seq == after


def _events(turn: Turn) -> list[dict[str, object]]:
    answer = turn.answer
    text = answer.text
    events: list[dict[str, object]] = [
        {"type": "turn.resumed", "epoch": turn.epoch, "text_length": len(text), "text": text},
        {
            "type": "turn.started",
            "conversation": str(turn.conversation_id),
            "question": str(turn.question_id),
            "answer": str(turn.answer_id),
            "model": answer.model_name,
        },
    ]
    if answer.reasoning:
        events.append({"type": "reasoning", "text": answer.reasoning})
    if answer.tool_calls:
        events.append({"type": "tool_calls", "tool_calls": numbered(answer.tool_calls)})
    if turn.conversation.brain_id or answer.citations.exists():
        events.append({"type": "sources", "sources": sources_of(answer)})
    if answer.prompt_tokens is not None and answer.completion_tokens is not None:
        usage = {
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
        }
        events.append({"type": "usage", **usage})
    return [*events, _end(turn)]


def _end(turn: Turn) -> dict[str, object]:
    if turn.state == TurnState.STOPPED:
        return {"type": "turn.stopped"}
    if turn.state == TurnState.FAILED:
        return {
            "type": "turn.failed",
            "code": turn.error_code,
            "sentence": turn.error_sentence,
            "way_out": turn.error_way_out,
        }
    return {
        "type": "turn.completed",
        "finish_reason": turn.answer.finish_reason,
        "ttft_ms": turn.answer.ttft_ms,
        "duration_ms": turn.answer.duration_ms,
    }


def _gone(turn_id: UUID, after: int) -> Entry:
    failed = {
        "type": "turn.failed",
        "code": "conversation-deleted",
        "sentence": "The conversation was deleted.",
        "way_out": "Begin another conversation.",
    }
    return entry(turn_id, after + 1, failed)
