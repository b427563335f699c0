import asyncio
from typing import TYPE_CHECKING

import orjson
import pytest

from chatbot.inference.connectors.errors import (
    MalformedAnswer,
    ServerGone,
    ServerTimedOut,
)
from chatbot.inference.connectors.options import OptionsWrong
from chatbot.inference.connectors.protocol import (
    Capabilities,
    Finished,
    ReasoningDelta,
    StreamLimits,
    ToolCallDelta,
    UsageReport,
)
from tests.fakes.raw_server import read_request, running_raw_server
from tests.fakes.script import generated
from tests.fakes.scripted_server import running_scripted_server
from tests.inference.connectors.streams import (
    CHUNK,
    COMPLETE,
    PATIENT,
    SHORT,
    SHORT_BETWEEN,
    collect,
    collect_until_error,
    connector,
    question,
    say,
    text_of,
)

if TYPE_CHECKING:
    from tests.fakes.scripted_server import ScriptedServer

FIVE_TOKENS = generated(5)


class TestOpenAIChat:
    async def test_streams_an_answer(self, scripted_server: "ScriptedServer") -> None:
        scripted_server.script(tokens=40, language="ko")

        items = await collect(connector(scripted_server.base_url), question("왜?"))

        assert text_of(items) == generated(40, "ko")
        assert items[-2:] == [UsageReport(1, 40), Finished("stop")]

    async def test_sends_what_was_asked(self, scripted_server: "ScriptedServer") -> None:
        await collect(connector(scripted_server.base_url), question("왜?", max_tokens=7))

        assert scripted_server.requests() == [
            {
                "model": "any",
                "messages": [{"role": "user", "content": "왜?"}],
                "max_tokens": 7,
                "temperature": 0.0,
                "stream": True,
                "stream_options": {"include_usage": True},
            }
        ]

    async def test_says_that_the_limit_was_reached(self, scripted_server: "ScriptedServer") -> None:
        items = await collect(connector(scripted_server.base_url), question(max_tokens=3))

        assert items[-1] == Finished("length")

    async def test_reads_characters_that_are_cut_anywhere(
        self, scripted_server: "ScriptedServer"
    ) -> None:
        scripted_server.script(tokens=30, language="ko", cut_utf8=True)

        items = await collect(connector(scripted_server.base_url), question())

        assert text_of(items) == generated(30, "ko")

    @pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
    async def test_keeps_thinking_apart_from_text(
        self, scripted_server: "ScriptedServer", name: str
    ) -> None:
        scripted_server.script(tokens=5, reasoning="Hm.", reasoning_field=name)

        items = await collect(connector(scripted_server.base_url), question())

        assert items[0] == ReasoningDelta("Hm.")
        assert text_of(items) == FIVE_TOKENS

    async def test_yields_calls_of_functions(self, scripted_server: "ScriptedServer") -> None:
        arguments = '{"question": "뇌간"}'
        call = {"name": "search", "arguments": arguments}
        scripted_server.script(tokens=2, tool_calls=[call, call], cut_utf8=True)

        items = await collect(connector(scripted_server.base_url), question())

        calls = [item for item in items if isinstance(item, ToolCallDelta)]
        assert [(one.index, one.id, one.name) for one in calls if one.id] == [
            (0, "call-0", "search"),
            (1, "call-1", "search"),
        ]
        assert "".join(one.arguments for one in calls if one.index == 0) == arguments
        assert text_of(items) == generated(2)
        assert items[-1] == Finished("tool_calls")

    async def test_passes_options_on(self, scripted_server: "ScriptedServer") -> None:
        options = {
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
            "tool_choice": "auto",
            "stop": ["\n"],
            "top_p": 0.5,
            "seed": 7,
            "response_format": {"type": "json_object"},
        }

        await collect(connector(scripted_server.base_url), question(options=options))

        (sent,) = scripted_server.requests()
        assert {name: sent[name] for name in options} == options

    async def test_lets_no_option_replace_what_was_asked(
        self, scripted_server: "ScriptedServer"
    ) -> None:
        options = {"model": "other", "stream": False, "max_tokens": 1, "temperature": 2}

        items = await collect(connector(scripted_server.base_url), question(options=options))

        (sent,) = scripted_server.requests()
        assert (sent["model"], sent["max_tokens"], sent["temperature"]) == ("any", 500, 0.0)
        assert items[-1] == Finished("stop")

    async def test_says_the_limit_by_the_servers_name(
        self, scripted_server: "ScriptedServer"
    ) -> None:
        options = {"max_tokens_field": "max_completion_tokens"}

        items = await collect(
            connector(scripted_server.base_url, options=options), question(max_tokens=3)
        )

        (sent,) = scripted_server.requests()
        assert (sent["max_completion_tokens"], sent.get("max_tokens")) == (3, None)
        assert items[-1] == Finished("length")

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"colour": "red"}, "Unknown options: colour. Known: continues, max_tokens_field"),
            ({"continues": "yes"}, "continues is not of its type"),
            (["continues"], "no JSON object"),
        ],
        ids=["unknown", "wrong type", "no object"],
    )
    def test_refuses_options_that_it_does_not_know(
        self, options: dict[str, object], sentence: str
    ) -> None:
        with pytest.raises(OptionsWrong, match=sentence):
            connector("http://127.0.0.1:1/v1", options=options)

    async def test_does_without_usage(self, scripted_server: "ScriptedServer") -> None:
        scripted_server.script(tokens=5, no_usage=True)

        items = await collect(connector(scripted_server.base_url), question())

        assert items[-1] == Finished("stop")
        assert not any(isinstance(item, UsageReport) for item in items)

    async def test_uses_a_connection_again(self) -> None:
        connections = 0

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            while await read_request(reader):
                await say(writer, *COMPLETE)

        async with running_raw_server(answer) as base_url:
            for _ in range(3):
                await collect(connector(base_url), question())

        assert connections == 1

    async def test_answers_many_at_once(self, scripted_server: "ScriptedServer") -> None:
        scripted_server.script(tokens=50, rate=500)
        chat = connector(scripted_server.base_url)

        answers = await asyncio.gather(*(collect(chat, question()) for _ in range(50)))

        assert {text_of(items) for items in answers} == {generated(50)}

    async def test_sends_the_key(self) -> None:
        with running_scripted_server("--api-key", "sesame") as server:
            items = await collect(connector(server.base_url, api_key="sesame"), question())

        assert items[-1] == Finished("stop")


class TestContinuing:
    @pytest.mark.parametrize("cut", [1, 20, 21, 22, 60, 90])
    async def test_yields_exactly_the_rest(
        self, scripted_server: "ScriptedServer", cut: int
    ) -> None:
        whole = generated(40, "ko")
        scripted_server.script(tokens=40, language="ko")
        chat = connector(scripted_server.base_url)

        items = await collect(chat, question(continue_text=whole[:cut]))

        assert whole[:cut] + text_of(items) == whole

    async def test_has_nothing_to_add_to_a_whole_answer(
        self, scripted_server: "ScriptedServer"
    ) -> None:
        chat = connector(scripted_server.base_url)

        items = await collect(chat, question(continue_text=generated(60)))

        assert text_of(items) == ""
        assert items[-1] == Finished("stop")

    async def test_keeps_the_seam_when_spaces_are_stripped(
        self, scripted_server: "ScriptedServer"
    ) -> None:
        scripted_server.script(text="One.\n\n\nTwo.")
        chat = connector(scripted_server.base_url)

        items = await collect(chat, question(continue_text="One.\n\n"))

        assert text_of(items) == "\nTwo."

    async def test_is_refused_where_the_server_is_unknown(self) -> None:
        listing = b'{"data": [{"id": "gpt", "owned_by": "openai"}]}'

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            await say(writer, listing, kind="application/json")

        async with running_raw_server(answer) as base_url:
            chat = connector(base_url)

            with pytest.raises(ValueError, match="can't continue"):
                await collect(chat, question(continue_text="Once"))

    @pytest.mark.parametrize("owner", ["vllm", "sglang", "llamacpp", "scripted"])
    async def test_is_known_of_servers_that_can(self, owner: str) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            listing = f'{{"data": [{{"id": "m", "owned_by": "{owner}"}}]}}'
            await say(writer, listing.encode(), kind="application/json")

        async with running_raw_server(answer) as base_url:
            capabilities = await connector(base_url).capabilities()

        assert capabilities.continues


LISTING = b'{"data": [{"id": "%b", "owned_by": "%b", %b}]}'
PROPS = b'{"default_generation_settings": {"n_ctx": 2048}}'


class TestCapabilities:
    """Asked of the server where it tells, else what we were told."""

    @pytest.mark.parametrize(
        ("listing", "context_tokens"),
        [
            (LISTING % (b"any", b"vllm", b'"max_model_len": 4096'), 4096),
            (LISTING % (b"any", b"llamacpp", b'"meta": {"n_ctx": 8192}'), 2048),
            (LISTING % (b"other", b"vllm", b'"max_model_len": 4096'), 512),
            (LISTING % (b"any", b"library", b'"created": 1'), 512),
        ],
        ids=["vLLM", "a slot of llama.cpp", "another model", "Ollama"],
    )
    async def test_tell_the_context(self, listing: bytes, context_tokens: int) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while request := await read_request(reader):
                is_props = request.startswith(b"GET /props ")
                await say(writer, PROPS if is_props else listing, kind="application/json")

        async with running_raw_server(answer) as base_url:
            capabilities = await connector(base_url, context_tokens=512).capabilities()

        assert capabilities.context_tokens == context_tokens

    async def test_are_all_of_a_known_server(self, scripted_server: "ScriptedServer") -> None:
        capabilities = await connector(scripted_server.base_url, context_tokens=99).capabilities()

        assert capabilities == Capabilities(
            streams=True, continues=True, counts_tokens=True, context_tokens=99
        )

    async def test_are_what_the_options_say_of_a_server_that_does_not(self) -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()

        async with running_raw_server(refuse) as base_url:
            chat = connector(base_url, options={"continues": True})
            capabilities = await chat.capabilities()

        assert capabilities.continues


class TestPromptProgress:
    """llama.cpp doesn't notice that nobody waits any more, unless it has something to tell."""

    @pytest.mark.parametrize(("owner", "sent"), [("llamacpp", [True]), ("vllm", [None])])
    async def test_is_asked_for_where_it_is_known(
        self, owner: str, sent: list[bool | None]
    ) -> None:
        listing = LISTING % (b"any", owner.encode(), b'"created": 1')
        asked: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while request := await read_request(reader):
                if request.startswith(b"POST "):
                    asked.append(request.partition(b"\r\n\r\n")[2])
                    await say(writer, *COMPLETE)
                else:
                    await say(writer, listing, kind="application/json")

        async with running_raw_server(answer) as base_url:
            chat = connector(base_url)
            await chat.capabilities()
            await collect(chat, question())

        assert [orjson.loads(body).get("return_progress") for body in asked] == sent


class TestBrokenAnswers:
    @pytest.mark.parametrize(
        ("script", "kind"),
        [
            ({"die_after": 5}, ServerGone),
            ({"end_after": 5}, ServerGone),
            ({"no_finish_reason": True, "tokens": 5}, ServerGone),
            ({"finish_reason": "abort", "tokens": 5}, ServerGone),
            ({"error_in_stream_after": 5}, ServerGone),
            ({"error_in_stream_after": 5, "error_message": "no"}, ServerGone),
            ({"malformed_after": 5}, MalformedAnswer),
            ({"stall_after": 5}, ServerTimedOut),
        ],
        ids=lambda value: str(value) if isinstance(value, dict) else value.__name__,
    )
    async def test_keep_their_text_and_have_a_name(
        self, scripted_server: "ScriptedServer", script: dict[str, object], kind: type[Exception]
    ) -> None:
        scripted_server.script(**script)
        limits = SHORT_BETWEEN if kind is ServerTimedOut else PATIENT

        text, error = await collect_until_error(
            connector(scripted_server.base_url, limits=limits), question()
        )

        assert text == FIVE_TOKENS
        assert type(error) is kind

    @pytest.mark.parametrize("after", [0, 1, 30, 60])
    async def test_break_anywhere(self, scripted_server: "ScriptedServer", after: int) -> None:
        scripted_server.script(die_after=after, tokens=60)

        text, error = await collect_until_error(connector(scripted_server.base_url), question())

        assert len(text.split()) == after
        assert type(error) is ServerGone

    @pytest.mark.parametrize("script", [{}, {"late_headers": True}], ids=["headers", "nothing"])
    async def test_time_out_before_the_first_token(
        self, scripted_server: "ScriptedServer", script: dict[str, object]
    ) -> None:
        scripted_server.script(delay_ms=5000, **script)

        text, error = await collect_until_error(
            connector(scripted_server.base_url, limits=SHORT), question()
        )

        assert text == ""
        assert type(error) is ServerTimedOut

    async def test_time_out_in_all(self, scripted_server: "ScriptedServer") -> None:
        scripted_server.script(rate=10)
        limits = StreamLimits(total=3)

        text, error = await collect_until_error(
            connector(scripted_server.base_url, limits=limits), question()
        )

        assert generated(60).startswith(text)
        assert len(text) > 10
        assert type(error) is ServerTimedOut

    async def test_are_not_the_readers_slowness(self, scripted_server: "ScriptedServer") -> None:
        scripted_server.script(tokens=5, rate=100)
        chat = connector(scripted_server.base_url, limits=SHORT_BETWEEN)
        items = chat.stream(question(), stop=asyncio.Event())

        first = await anext(items)
        await asyncio.sleep(SHORT_BETWEEN.between_tokens * 2)
        rest = [item async for item in items]

        assert text_of([first, *rest]) == FIVE_TOKENS

    async def test_are_complete_once_the_server_said_so(self) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            await say(writer, CHUNK % (b"Hi", b'"stop"'), ends=False)
            await asyncio.sleep(0.05)

        async with running_raw_server(answer) as base_url:
            items = await collect(connector(base_url), question())

        assert items[-1] == Finished("stop")

    @pytest.mark.parametrize(
        "event",
        [
            b"data: {",
            b"data: []",
            b'data: {"choices": 3}',
            b"data: 7",
            b'data: {"choices": [{"delta": 1}]}',
        ],
    )
    async def test_are_malformed_not_crashes(self, event: bytes) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            await say(writer, event + b"\n\n")

        async with running_raw_server(answer) as base_url:
            _, error = await collect_until_error(connector(base_url), question())

        assert type(error) is MalformedAnswer

    async def test_are_malformed_when_an_event_never_ends(self) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            await say(writer, b"data: ", *[b"x" * 100_000] * 12)

        async with running_raw_server(answer) as base_url:
            _, error = await collect_until_error(connector(base_url), question())

        assert type(error) is MalformedAnswer

    async def test_are_malformed_when_it_is_no_stream(self) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            await say(writer, b"<html>Welcome", kind="text/html")

        async with running_raw_server(answer) as base_url:
            _, error = await collect_until_error(connector(base_url), question())

        assert type(error) is MalformedAnswer
