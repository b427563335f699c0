import orjson
import pytest

from chatbot.inference.connectors.errors import MalformedAnswer
from chatbot.inference.connectors.openai_chunks import ChunkReader
from chatbot.inference.connectors.protocol import (
    Finished,
    ReasoningDelta,
    StreamItem,
    ToolCallDelta,
)
from chatbot.inference.connectors.sse import ServerSentEvent


def read(reader: ChunkReader, *deltas: object, reason: str | None = None) -> list[StreamItem]:
    """What is beside text in chunks of these deltas; the last of them has the finish reason."""
    for delta in deltas:
        ends = reason if delta is deltas[-1] else None
        chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": ends}]}
        reader.read(ServerSentEvent(orjson.dumps(chunk)))
    return reader.others


def call(arguments: object, **fields: object) -> dict[str, object]:
    name = {"name": "look"} if "id" in fields else {}
    return {"tool_calls": [{"function": {**name, "arguments": arguments}, **fields}]}


class TestThoughts:
    def test_are_none_where_a_text_goes_on(self) -> None:
        reader = ChunkReader(continues=True)
        chunk = {"choices": [{"delta": {"reasoning": " Par", "content": "is"}}]}

        assert reader.read(ServerSentEvent(orjson.dumps(chunk))) == " Paris"
        assert reader.others == []


class TestToolCalls:
    def test_come_in_pieces(self) -> None:
        items = read(
            ChunkReader(),
            call("", index=0, id="a", type="function"),
            call('{"q":', index=0),
            call("1}", index=0),
            reason="tool_calls",
        )

        assert items == [
            ToolCallDelta(0, "a", "look"),
            ToolCallDelta(0, arguments='{"q":'),
            ToolCallDelta(0, arguments="1}"),
        ]

    def test_are_numbered_where_the_server_does_not(self) -> None:
        items = read(
            ChunkReader(), call("{", id="a"), call("}"), call("{}", id="b"), call("", id="a")
        )

        assert [(item.index, item.id) for item in items if isinstance(item, ToolCallDelta)] == [
            (0, "a"),
            (0, ""),
            (1, "b"),
            (0, "a"),
        ]

    def test_may_have_arguments_that_are_no_text_yet(self) -> None:
        items = read(ChunkReader(), call({"q": 1}, index=0, id="a"))

        assert items == [ToolCallDelta(0, "a", "look", '{"q":1}')]

    @pytest.mark.parametrize("said", ["tool_calls", "stop", "function_call"])
    def test_are_the_reason_of_the_end(self, said: str) -> None:
        reader = ChunkReader()

        read(reader, call("{}", index=0, id="a"), reason=said)

        assert reader.finished == Finished("tool_calls")

    def test_stop_is_the_reason_where_there_are_none(self) -> None:
        reader = ChunkReader()

        read(reader, {"content": "Hi", "tool_calls": []}, reason="stop")

        assert reader.finished == Finished("stop")

    def test_come_beside_text_and_thoughts(self) -> None:
        reader = ChunkReader()
        delta = {"content": "Hi", "reasoning": "Hm.", **call("{}", index=0, id="a")}
        chunk = {"choices": [{"delta": delta}]}

        text = reader.read(ServerSentEvent(orjson.dumps(chunk)))

        assert text == "Hi"
        assert reader.others == [ReasoningDelta("Hm."), ToolCallDelta(0, "a", "look", "{}")]


class TestMalformedChunks:
    @pytest.mark.parametrize(
        "delta",
        [
            {"content": 5},
            {"content": [{"type": "text"}]},
            {"tool_calls": 1},
            {"tool_calls": [1]},
            {"tool_calls": [{"function": "f"}]},
        ],
        ids=str,
    )
    def test_have_a_name(self, delta: dict[str, object]) -> None:
        with pytest.raises(MalformedAnswer):
            read(ChunkReader(), delta)
