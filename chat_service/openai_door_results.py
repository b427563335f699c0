"""Whole answers in OpenAI's form: from events as they came, or from what is stored."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import orjson
from django.conf import settings

from chat_service.asides import ToolCall, follow
from chat_service.openai_door_errors import AnswerFailed, error_answer
from chat_service.prompts import estimate_messages
from chat_service.stream_log import Entry
from chat_service.token_estimate import estimate_tokens
from chatbot.contracts.events import Source
from chatbot.conversations.models import Turn, TurnState
from chatbot.conversations.selectors import sources_of
from chatbot.conversations.services.completions import BRAIN_PREFIX

ID_PREFIX: Final = "chatcmpl-"
_REASONS: Final = {
    "length": "length",
    "tool_calls": "tool_calls",
    "filtered": "content_filter",
}
"""Everything else is `stop`: OpenAI's clients know no other words."""
_STATUSES: Final = {
    TurnState.QUEUED: "queued",
    TurnState.RUNNING: "in_progress",
    TurnState.COMPLETED: "completed",
    TurnState.FAILED: "failed",
    TurnState.STOPPED: "cancelled",
}
_MARKER: Final = re.compile(r"\[(\d{1,3})\]")
Usage = dict[str, int | bool]


@dataclass(frozen=True, slots=True)
class Head:
    """What is the same in all that is told of a completion."""

    id: str
    given: Mapping[str, Any]
    """As `Turn.request`."""

    def of(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.given["created"],
            "model": self.given["model"],
        }


@dataclass(slots=True)
class Result:
    """An answer, or what stands of it."""

    text: str = ""
    reasoning: str = ""
    calls: dict[int, ToolCall] = field(default_factory=dict)
    sources: Sequence[Source] | None = None
    """None: nothing was searched."""
    usage: Mapping[str, int] | None = None
    finish_reason: str | None = None
    """None: it has not ended."""
    failure: AnswerFailed | None = None

    def apply(self, entries: Iterable[Entry]) -> None:
        """Follows events as a client does."""
        pieces = [self.text]
        for one in entries:
            event = orjson.loads(one.body)
            match event["type"]:
                case "token":
                    pieces.append(event["text"])
                case "turn.resumed":
                    pieces, self.calls = [event["text"]], {}
                case "reasoning":
                    self.reasoning += event["text"]
                case "tool_calls":
                    follow(self.calls, event["tool_calls"])
                case "sources":
                    self.sources = event["sources"]
                case "usage":
                    self.usage = event
                case _:
                    self._apply_end(event)
        self.text = "".join(pieces)

    def _apply_end(self, event: Mapping[str, Any]) -> None:
        if event["type"] == "turn.failed":
            self.failure = failure_of(event)
        elif event["type"] in {"turn.completed", "turn.stopped"}:
            self.finish_reason = finish_reason(event.get("finish_reason", ""))


def result_of(turn: Turn) -> Result:
    """What is stored; needs answer, citations and conversation to be loaded."""
    answer = turn.answer
    result = Result(
        text=answer.text,
        reasoning=answer.reasoning,
        calls=dict(enumerate(answer.tool_calls or ())),
        sources=sources_of(answer) if is_of_brain(turn.request or {}) else None,
    )
    if answer.prompt_tokens is not None and answer.completion_tokens is not None:
        result.usage = {
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
        }
    if turn.state == TurnState.FAILED:
        told = {"code": turn.error_code, "sentence": turn.error_sentence}
        result.failure = failure_of({**told, "way_out": turn.error_way_out})
    elif turn.state in {TurnState.COMPLETED, TurnState.STOPPED}:
        result.finish_reason = finish_reason(answer.finish_reason)
    return result


def completion(head: Head, result: Result) -> dict[str, Any]:
    """The answer to a request that isn't streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": result.text, "refusal": None}
    if result.calls:
        message["content"] = result.text or None
        message["tool_calls"] = [result.calls[index] for index in sorted(result.calls)]
    if result.reasoning:
        message["reasoning_content"] = result.reasoning
    if result.sources is not None:
        message["annotations"] = annotations(head.given, result.text, result.sources)
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": result.finish_reason,
    }
    body = {**head.of("chat.completion"), "choices": [choice], "usage": usage_of(head, result)}
    if result.sources is not None:
        body["citations"] = result.sources
    return body


def stored_completion(turn: Turn) -> dict[str, Any]:
    """A completion as it is stored, ended or not: `status` says how it stands."""
    result = result_of(turn)
    body = completion(Head(completion_id(turn.pk.hex), turn.request or {}), result)
    body["status"] = _STATUSES[TurnState(turn.state)]
    if result.failure is not None:
        body["error"] = error_answer(result.failure).body["error"]
    return body


def completion_id(turn_hex: str) -> str:
    return f"{ID_PREFIX}{turn_hex}"


def is_of_brain(given: Mapping[str, Any]) -> bool:
    return str(given.get("model", "")).startswith(BRAIN_PREFIX)


def finish_reason(reason: str) -> str:
    return _REASONS.get(reason, "stop")


def failure_of(event: Mapping[str, Any]) -> AnswerFailed:
    return AnswerFailed(event["sentence"], code=event["code"], way_out=event["way_out"])


def usage_of(head: Head, result: Result) -> Usage:
    """Tokens as the model's server counted them; else estimated, which it says."""
    if result.usage is not None:
        asked, answered = result.usage["prompt_tokens"], result.usage["completion_tokens"]
        return _usage(asked, answered)
    asked = estimate_messages(head.given["messages"])
    return _usage(asked, estimate_tokens(result.text)) | {"is_estimated": True}


def _usage(asked: int, answered: int) -> Usage:
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
    }


def annotations(
    given: Mapping[str, Any], text: str, sources: Sequence[Source]
) -> list[dict[str, Any]]:
    """Where the text cites its sources, as OpenAI's `url_citation`: each `[n]` with its passage."""
    by_number = {source["ordinal"]: source for source in sources}
    brain = str(given["model"]).removeprefix(BRAIN_PREFIX)
    found = []
    for marker in _MARKER.finditer(text):
        source = by_number.get(int(marker[1]))
        if source is not None:
            cited = {
                "start_index": marker.start(),
                "end_index": marker.end(),
                "title": source["title"],
                "url": _address(brain, source),
            }
            found.append({"type": "url_citation", "url_citation": cited})
    return found


def _address(brain: str, source: Source) -> str:
    """The page of the web application that shows the passage."""
    page = source["page_from"]
    passage = quote(f"{page}:{source['start']}-{source['end']}")
    document = quote(source["document"])
    place = f"/brains/{quote(brain)}?document={document}&page={page}&passage={passage}"
    return f"{settings.PUBLIC_URL}{place}"
