"""What a model gives beside its answer's text: thinking aloud, and calls of functions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chat_service.stream_log import TurnLog, storable
from chatbot.inference.connectors.protocol import ReasoningDelta, ToolCallDelta

ToolCall = dict[str, Any]
"""In OpenAI's form: `id`, `type` and `function` with `name` and `arguments`."""


class Asides:
    """Of one answer: told to its readers, and kept for the end."""

    def __init__(self) -> None:
        self._thoughts: list[str] = []
        self._calls: dict[int, ToolCall] = {}

    def __bool__(self) -> bool:
        return bool(self._thoughts or self._calls)

    @property
    def reasoning(self) -> str:
        return "".join(self._thoughts)

    @property
    def tool_calls(self) -> Sequence[ToolCall]:
        return [self._calls[index] for index in sorted(self._calls)]

    @property
    def text(self) -> str:
        """All that the model wrote for it."""
        functions = (call["function"] for call in self._calls.values())
        return self.reasoning + "".join(one["name"] + one["arguments"] for one in functions)

    def tell(self, item: ReasoningDelta | ToolCallDelta, log: TurnLog) -> None:
        """Writes it into the log, and remembers it."""
        if isinstance(item, ReasoningDelta):
            text = storable(item.text)
            self._thoughts.append(text)
            log.add_reasoning(text)
            return
        piece = _piece(item)
        follow(self._calls, [{"index": item.index, **piece}])
        log.add({"type": "tool_calls", "tool_calls": [{"index": item.index, **piece}]})


def follow(calls: dict[int, ToolCall], pieces: Iterable[Mapping[str, Any]]) -> None:
    """Adds pieces of calls to those that stand."""
    for piece in pieces:
        call = calls.setdefault(
            piece["index"],
            {"id": "", "type": "function", "function": {"name": "", "arguments": ""}},
        )
        call["id"] = piece.get("id") or call["id"]
        function = piece["function"]
        call["function"]["name"] = function.get("name") or call["function"]["name"]
        call["function"]["arguments"] += function["arguments"]


def numbered(calls: Iterable[ToolCall]) -> list[ToolCall]:
    """Whole calls as an event has them."""
    return [{"index": index, **call} for index, call in enumerate(calls)]


def _piece(item: ToolCallDelta) -> ToolCall:
    """What is not said again after the first piece is left out."""
    function = {"name": storable(item.name)} if item.name else {}
    function["arguments"] = storable(item.arguments)
    named = {"id": storable(item.id), "type": "function"} if item.id or item.name else {}
    return {**named, "function": function}
