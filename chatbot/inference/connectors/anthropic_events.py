"""Events of a streamed answer of Anthropic's Messages API, to items."""

from typing import TYPE_CHECKING, Any, Final

import orjson

from chatbot.inference.connectors.errors import InferenceError, MalformedAnswer
from chatbot.inference.connectors.protocol import (
    ReasoningDelta,
    ToolCallDelta,
    UsageReport,
)
from chatbot.inference.connectors.reasons import finish_of
from chatbot.inference.connectors.statuses import HTTP_SERVER_ERROR, error_of_message, masked

if TYPE_CHECKING:
    from chatbot.inference.connectors.protocol import (
        Finished,
        StreamItem,
    )
    from chatbot.inference.connectors.sse import ServerSentEvent

_STATUSES: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 403,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_PROMPT_COUNTS: Final = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class MessageReader:
    """Implements `EventReader`."""

    def __init__(self, *, api_key: str = "") -> None:
        """A server that repeats the key isn't quoted."""
        self._api_key = api_key
        self.finished: Finished | None = None
        self.usage: UsageReport | None = None
        self.is_done = False
        self.others: list[StreamItem] = []
        self._calls: dict[int, int] = {}

    def read(self, event: "ServerSentEvent") -> str:
        """The text in the event, or nothing.

        Raises:
            MalformedAnswer: the event is none of a message's.
            InferenceError: the event says that the server failed.
        """
        try:
            said = orjson.loads(event.data)
            kind = said["type"]
            if kind == "content_block_delta":
                return self._read_delta(said["index"], said["delta"])
            return self._read_other(kind, said)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
            raise MalformedAnswer(f"{type(error).__name__}: {error}") from error

    def end_of_response(self) -> None:
        """Nothing to conclude from: failures may end in good order, too."""

    def _read_delta(self, index: int, delta: dict[str, Any]) -> str:
        kind = delta["type"]
        if kind == "text_delta":
            # Adding to a string raises the TypeError for what is no string, at no cost.
            text: str = "" + delta["text"]
            return text
        if kind == "thinking_delta":
            self.others.append(ReasoningDelta(delta["thinking"]))
        elif kind == "input_json_delta":
            self.others.append(ToolCallDelta(self._calls[index], arguments=delta["partial_json"]))
        return ""

    def _read_other(self, kind: str, said: dict[str, Any]) -> str:
        """Kinds that we don't know are passed over: the protocol may grow."""
        if kind == "message_start":
            self._count(said["message"].get("usage") or {})
        elif kind == "content_block_start":
            return self._begin_block(said["index"], said["content_block"])
        elif kind == "message_delta":
            self._count(said.get("usage") or {})
            if reason := said["delta"].get("stop_reason"):
                self.finished = finish_of(reason)
        elif kind == "message_stop":
            self.is_done = True
        elif kind == "error":
            raise _error_in(said["error"], self._api_key)
        return ""

    def _begin_block(self, index: int, block: dict[str, Any]) -> str:
        if block["type"] == "tool_use":
            number = self._calls[index] = len(self._calls)
            self.others.append(ToolCallDelta(number, block["id"], block["name"]))
        return "" + (block.get("text") or "")

    def _count(self, usage: dict[str, Any]) -> None:
        """Counts are of the whole message so far; what isn't told again stays."""
        before = self.usage or UsageReport(0, 0)
        prompt = sum(usage.get(name) or 0 for name in _PROMPT_COUNTS)
        self.usage = UsageReport(
            prompt or before.prompt_tokens, usage.get("output_tokens") or before.completion_tokens
        )


def _error_in(error: dict[str, Any], api_key: str) -> InferenceError:
    status = _STATUSES.get(error.get("type", ""), HTTP_SERVER_ERROR)
    return error_of_message(status, masked(str(error.get("message", "")), api_key))
