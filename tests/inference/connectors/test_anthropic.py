from typing import TYPE_CHECKING, Any

import orjson
import pytest

from chatbot.inference.connectors.anthropic_events import MessageReader
from chatbot.inference.connectors.anthropic_messages import message_body
from chatbot.inference.connectors.errors import BadRequest, MalformedAnswer, ServerBusy, ServerGone
from chatbot.inference.connectors.protocol import ChatRequest, Finished, Message, ToolCallDelta
from chatbot.inference.connectors.sse import ServerSentEvent
from tests.inference.connectors.streams import (
    collect,
    collect_until_error,
    connector_of,
    question,
)

if TYPE_CHECKING:
    from tests.fakes.scripted_server import ScriptedServer

TOOL = {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}
CALL = {"id": "a", "type": "function", "function": {"name": "look", "arguments": '{"q": 1}'}}


def body_of(*messages: Message, begun: str = "", **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - of the request
    request = ChatRequest(model="m", messages=messages, max_tokens=9, **fields)
    return message_body(request, begun=begun)


def user(text: str) -> Message:
    return {"role": "user", "content": text}


class TestMessageBody:
    def test_keeps_the_system_apart(self) -> None:
        body = body_of(
            {"role": "system", "content": "Be kind."},
            user("Hi"),
            {"role": "system", "content": "Be brief."},
        )

        assert body == {
            "model": "m",
            "max_tokens": 9,
            "stream": True,
            "system": "Be kind.\n\nBe brief.",
            "messages": [{"role": "user", "content": "Hi"}],
        }

    def test_goes_on_from_what_the_assistant_began(self) -> None:
        body = body_of(user("Hi"), begun="Hello")

        assert body["messages"][-1] == {"role": "assistant", "content": "Hello"}

    def test_lets_nobody_speak_twice_in_a_row_or_say_nothing(self) -> None:
        body = body_of(
            user("One"), {"role": "assistant", "content": ""}, user("Two"), user("Three")
        )

        assert body["messages"] == [
            {
                "role": "user",
                "content": [{"type": "text", "text": text} for text in ("One", "Two", "Three")],
            }
        ]

    def test_keeps_temperatures_on_its_scale(self) -> None:
        assert body_of(user("Hi"), temperature=1.7)["temperature"] == 1.0

    def test_translates_options(self) -> None:
        tools = [{"type": "function", "function": TOOL}]
        choice = {"type": "function", "function": {"name": "look"}}
        options = {"stop": ["\n", "END"], "top_p": 0.5, "seed": 7, "tools": tools}

        body = body_of(user("Hi"), options={**options, "tool_choice": choice})

        assert body["stop_sequences"] == ["END"]
        assert body["top_p"] == 0.5
        assert body["tools"] == [
            {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
        ]
        assert body["tool_choice"] == {"type": "tool", "name": "look"}
        assert "seed" not in body

    @pytest.mark.parametrize(
        ("said", "meant"), [("auto", "auto"), ("required", "any"), ("none", "none")]
    )
    def test_translates_choices_of_tools(self, said: str, meant: str) -> None:
        options = {"tools": [{"type": "function", "function": TOOL}], "tool_choice": said}

        assert body_of(user("Hi"), options=options)["tool_choice"] == {"type": meant}

    def test_translates_calls_and_what_tools_said(self) -> None:
        body = body_of(
            user("Hi"),
            {"role": "assistant", "content": "", "tool_calls": [CALL, {**CALL, "id": "b"}]},
            {"role": "tool", "content": "One", "tool_call_id": "a"},
            {"role": "tool", "content": "Two", "tool_call_id": "b"},
        )

        called, answered = body["messages"][1:]
        assert called["content"][0] == {
            "type": "tool_use",
            "id": "a",
            "name": "look",
            "input": {"q": 1},
        }
        assert [block["tool_use_id"] for block in answered["content"]] == ["a", "b"]
        assert answered["role"] == "user"

    @pytest.mark.parametrize(
        "options",
        [{"tools": [{}]}, {"tools": 7}, {"tools": [{"function": TOOL}], "tool_choice": "some"}],
        ids=str,
    )
    def test_refuses_tools_of_another_form(self, options: dict[str, Any]) -> None:
        with pytest.raises(BadRequest):
            body_of(user("Hi"), options=options)

    def test_refuses_calls_that_are_no_json(self) -> None:
        call = {**CALL, "function": {"name": "look", "arguments": "{"}}

        with pytest.raises(BadRequest):
            body_of(user("Hi"), {"role": "assistant", "content": "", "tool_calls": [call]})


def read(reader: MessageReader, *events: object) -> str:
    return "".join(reader.read(ServerSentEvent(orjson.dumps(event))) for event in events)


class TestMessageReader:
    @pytest.mark.parametrize(
        ("said", "meant"),
        [
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            ("max_tokens", "length"),
            ("tool_use", "tool_calls"),
            ("refusal", "filtered"),
            ("pause_turn", "pause_turn"),
        ],
    )
    def test_translates_reasons(self, said: str, meant: str) -> None:
        reader = MessageReader()

        read(reader, {"type": "message_delta", "delta": {"stop_reason": said}})

        assert reader.finished == Finished(meant)

    def test_counts_what_came_from_a_cache_too(self) -> None:
        reader = MessageReader()
        usage = {"input_tokens": 3, "cache_read_input_tokens": 40, "output_tokens": 1}

        read(
            reader,
            {"type": "message_start", "message": {"usage": usage}},
            {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 9}},
        )

        assert reader.usage is not None
        assert (reader.usage.prompt_tokens, reader.usage.completion_tokens) == (43, 9)

    def test_numbers_calls_among_themselves(self) -> None:
        reader = MessageReader()
        block = {"type": "tool_use", "id": "a", "name": "look", "input": {}}
        delta = {"type": "input_json_delta", "partial_json": "{}"}

        read(
            reader,
            {"type": "content_block_start", "index": 4, "content_block": block},
            {"type": "content_block_delta", "index": 4, "delta": delta},
        )

        assert reader.others == [ToolCallDelta(0, "a", "look"), ToolCallDelta(0, arguments="{}")]

    def test_passes_over_what_it_does_not_know(self) -> None:
        delta = {"type": "citations_delta", "citation": {}}

        text = read(
            MessageReader(),
            {"type": "sparkles"},
            {"type": "content_block_delta", "index": 0, "delta": delta},
        )

        assert text == ""

    @pytest.mark.parametrize(
        "event",
        [
            {},
            [],
            7,
            {"type": "message_start"},
            {"type": "content_block_delta", "index": 0},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 5}},
            {"type": "message_delta", "delta": {"stop_reason": 5}},
        ],
        ids=str,
    )
    def test_calls_anything_else_malformed(self, event: object) -> None:
        with pytest.raises(MalformedAnswer):
            read(MessageReader(), event)


class TestAnthropicChat:
    @pytest.mark.parametrize(
        ("message", "kind"), [("Overloaded", ServerBusy), ("Internal server error", ServerGone)]
    )
    async def test_names_errors_in_the_stream(
        self, scripted_server: "ScriptedServer", message: str, kind: type[Exception]
    ) -> None:
        scripted_server.script(error_in_stream_after=2, error_message=message)
        chat = connector_of("anthropic", scripted_server.address)

        text, error = await collect_until_error(chat, question())

        assert len(text.split()) == 2
        assert type(error) is kind

    @pytest.mark.parametrize("script", [{"end_after": 5}, {"no_finish_reason": True}], ids=str)
    async def test_is_not_complete_without_a_reason(
        self, scripted_server: "ScriptedServer", script: dict[str, object]
    ) -> None:
        scripted_server.script(tokens=5, **script)
        chat = connector_of("anthropic", scripted_server.address)

        _, error = await collect_until_error(chat, question())

        assert type(error) is ServerGone

    async def test_says_when_it_can_not_continue(self, scripted_server: "ScriptedServer") -> None:
        chat = connector_of("anthropic", scripted_server.address, options={"continues": False})

        with pytest.raises(ValueError, match="can't continue"):
            await collect(chat, question(continue_text="Once"))
