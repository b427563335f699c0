"""Chunks of a streamed OpenAI-compatible answer, to items. Without validation: this runs per token.

vLLM, SGLang, llama.cpp, Ollama and TGI differ in small things: errors are an object, a string or
the chunk itself; thinking is `reasoning_content` or `reasoning`; usage comes alone or with choices.
"""

from typing import Any, Final

import orjson

from chatbot.inference.connectors.errors import InferenceError, MalformedAnswer, ServerGone
from chatbot.inference.connectors.protocol import (
    Finished,
    ReasoningDelta,
    StreamItem,
    TextDelta,
    UsageReport,
)
from chatbot.inference.connectors.sse import ServerSentEvent
from chatbot.inference.connectors.statuses import HTTP_SERVER_ERROR, error_of_message, message_of

DONE: Final = b"[DONE]"
REASON_CHARACTERS = 32

_REASONS: Final = {
    "eos_token": "stop",
    "stop_sequence": "stop",
    "tool_calls": "stop",
    "max_tokens": "length",
    "content_filter": "filtered",
}
_BROKEN_OFF: Final = frozenset({"abort", "error", "cancelled"})


class ChunkReader:
    """Reads the events of one answer. `finished` and `usage` are what came so far."""

    def __init__(self) -> None:
        self.finished: Finished | None = None
        self.usage: UsageReport | None = None
        self.is_done = False

    def read(self, event: ServerSentEvent) -> StreamItem | None:
        """The text in the event, if there is any.

        Raises:
            MalformedAnswer: the event is no chunk.
            InferenceError: the event says that the server failed.
        """
        if event.data == DONE:
            self.is_done = True
            return None
        try:
            chunk = orjson.loads(event.data)
            if event.name == "error" or "error" in chunk or chunk.get("object") == "error":
                raise _error_in(chunk, event.data)
            if usage := chunk.get("usage"):
                self.usage = UsageReport(
                    usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
                )
            return self._read_choice(chunk["choices"][0]) if chunk.get("choices") else None
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
            raise MalformedAnswer(f"{type(error).__name__}: {error}") from error

    def _read_choice(self, choice: dict[str, Any]) -> StreamItem | None:
        if reason := choice.get("finish_reason"):
            if reason in _BROKEN_OFF:
                raise ServerGone(f"the server ended the answer: {reason}")
            self.finished = Finished(_REASONS.get(reason, reason)[:REASON_CHARACTERS])
        delta = choice.get("delta") or {}
        if text := delta.get("content"):
            return TextDelta(text)
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            return ReasoningDelta(thought)
        return None


def _error_in(chunk: dict[str, Any], data: bytes) -> InferenceError:
    said = chunk.get("error", chunk)
    code = said.get("code") if isinstance(said, dict) else None
    status = code if isinstance(code, int) else HTTP_SERVER_ERROR
    return error_of_message(status, message_of(data))
