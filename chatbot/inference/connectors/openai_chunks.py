"""Chunks of a streamed OpenAI-compatible answer, to items. Without validation: this runs per token.

vLLM, SGLang, llama.cpp, Ollama and TGI differ in small things: errors are an object, a string or
the chunk itself; thinking is `reasoning_content` or `reasoning`; usage comes alone or with choices;
a function call comes in many pieces or whole, with or without its number, and Ollama ends it with
`stop`. What goes on with a text is text: vLLM takes it for thinking where it doesn't see that end.
"""

from typing import TYPE_CHECKING, Any, Final

import orjson

from chatbot.inference.connectors.errors import InferenceError, MalformedAnswer
from chatbot.inference.connectors.protocol import (
    ReasoningDelta,
    ToolCallDelta,
    UsageReport,
)
from chatbot.inference.connectors.reasons import finish_of
from chatbot.inference.connectors.sse import ServerSentEvent
from chatbot.inference.connectors.statuses import (
    HTTP_SERVER_ERROR,
    error_of_message,
    masked,
    message_of,
)

if TYPE_CHECKING:
    from chatbot.inference.connectors.protocol import (
        Finished,
        StreamItem,
    )

DONE: Final = b"[DONE]"


class ChunkReader:
    """Reads the events of one answer. `finished` and `usage` are what came so far."""

    def __init__(self, *, continues: bool = False, api_key: str = "") -> None:
        """`continues`: the answer's text had begun before.

        A server that repeats the key isn't quoted.
        """
        self._api_key = api_key
        self._continues = continues
        self.finished: Finished | None = None
        self.usage: UsageReport | None = None
        self.is_done = False
        self.others: list[StreamItem] = []
        """What the last event had beside text; the caller empties it."""
        self._calls: list[str] = []

    def read(self, event: ServerSentEvent) -> str:
        """The text in the event, or nothing.

        Raises:
            MalformedAnswer: the event is no chunk.
            InferenceError: the event says that the server failed.
        """
        if event.data == DONE:
            self.is_done = True
            return ""
        try:
            chunk = orjson.loads(event.data)
            if event.name == "error" or "error" in chunk or chunk.get("object") == "error":
                raise _error_in(chunk, masked(message_of(event.data), self._api_key))
            if usage := chunk.get("usage"):
                self.usage = UsageReport(
                    usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
                )
            return self._read_choice(chunk["choices"][0]) if chunk.get("choices") else ""
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
            raise MalformedAnswer(f"{type(error).__name__}: {error}") from error

    def end_of_response(self) -> None:
        """Nothing to conclude from: failures end in good order, too."""

    def _read_choice(self, choice: dict[str, Any]) -> str:
        delta = choice.get("delta") or {}
        text = delta.get("content") or ""
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            if self._continues:
                text = thought + text
            else:
                self.others.append(ReasoningDelta(thought))
        if calls := delta.get("tool_calls"):
            self.others += map(self._call, calls)
        if reason := choice.get("finish_reason"):
            self._finish(reason)
        # Adding to a string raises the TypeError for what is no string, at no cost.
        return "" + text

    def _call(self, piece: dict[str, Any]) -> ToolCallDelta:
        """A piece belongs to the call that it numbers or names, else to the last one."""
        function, call_id = piece.get("function") or {}, piece.get("id") or ""
        index = piece.get("index")
        if call_id and call_id not in self._calls:
            self._calls.append(call_id)
        if index is None:
            index = self._calls.index(call_id) if call_id else max(len(self._calls) - 1, 0)
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):
            arguments = orjson.dumps(arguments).decode()
        return ToolCallDelta(index, call_id, function.get("name") or "", arguments)

    def _finish(self, reason: str) -> None:
        if reason == "stop" and self._calls:
            reason = "tool_calls"
        self.finished = finish_of(reason)


def _error_in(chunk: dict[str, Any], message: str) -> InferenceError:
    said = chunk.get("error", chunk)
    code = said.get("code") if isinstance(said, dict) else None
    status = code if isinstance(code, int) else HTTP_SERVER_ERROR
    return error_of_message(status, message)
