"""What every connector promises, whatever its server speaks."""

import asyncio
import random
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from chatbot.inference.connectors import transport
from chatbot.inference.connectors.errors import (
    AddressWrong,
    BadRequest,
    InferenceError,
    MalformedAnswer,
    PromptTooLong,
    ServerBusy,
    ServerGone,
    ServerRefused,
    ServerTimedOut,
)
from chatbot.inference.connectors.protocol import (
    EndpointConfig,
    Finished,
    ReasoningDelta,
    Stopped,
    StreamLimits,
    UsageReport,
)
from chatbot.inference.connectors.served_models import list_models, list_models_async
from tests.fakes.raw_server import read_request, running_raw_server
from tests.fakes.script import generated
from tests.fakes.scripted_server import running_scripted_server
from tests.inference.connectors.streams import (
    PATHS,
    SHORT,
    SHORT_BETWEEN,
    collect,
    collect_until_error,
    connector_of,
    question,
    say,
    text_of,
)
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.scripted_server import ScriptedServer

every_protocol = pytest.mark.parametrize("protocol", PATHS)
streaming_protocols = pytest.mark.parametrize(
    "protocol", ["openai", "anthropic", "kserve-http", "kserve-grpc"]
)

FIVE_TOKENS = generated(5)
AT_ONCE_SECONDS = 5.0
POOL_CONNECTIONS = 4
NO_HOSTS = ["a..b", "a" * 64 + ".test", "[::1", "models:port"]
ROUNDS = 15


@pytest.fixture(scope="module")
def locked_server() -> "Iterator[ScriptedServer]":
    with running_scripted_server("--api-key", "sesame") as server:
        yield server


@every_protocol
class TestEveryConnector:
    async def test_gives_the_whole_answer(
        self, scripted_server: "ScriptedServer", protocol: str
    ) -> None:
        scripted_server.script(tokens=40, language="ko")
        chat = connector_of(protocol, scripted_server.address_for(protocol))

        items = await collect(chat, question("왜?"))

        assert text_of(items) == generated(40, "ko")
        assert items[-1] == Finished("stop")

    async def test_counts_tokens_if_it_says_so(
        self, scripted_server: "ScriptedServer", protocol: str
    ) -> None:
        scripted_server.script(tokens=7)
        chat = connector_of(protocol, scripted_server.address_for(protocol))

        items = await collect(chat, question())

        told = [item for item in items if isinstance(item, UsageReport)]
        counts = (await chat.capabilities()).counts_tokens
        assert told == [UsageReport(1, 7)] * counts

    async def test_streams_if_it_says_so(
        self, scripted_server: "ScriptedServer", protocol: str
    ) -> None:
        scripted_server.script(tokens=7, rate=100)
        chat = connector_of(protocol, scripted_server.address_for(protocol))

        items = await collect(chat, question())

        pieces = [item for item in items if hasattr(item, "text")]
        assert (len(pieces) > 1) == (await chat.capabilities()).streams

    async def test_reads_characters_that_are_cut_anywhere(
        self, scripted_server: "ScriptedServer", protocol: str
    ) -> None:
        scripted_server.script(tokens=30, language="ko", cut_utf8=True)

        items = await collect(
            connector_of(protocol, scripted_server.address_for(protocol)), question()
        )

        assert text_of(items) == generated(30, "ko")

    @pytest.mark.parametrize(
        ("status", "message", "kind"),
        [
            (400, "Unknown field", BadRequest),
            (400, "prompt is too long: 200001 tokens > 200000 maximum", PromptTooLong),
            (401, "Unauthorized", ServerRefused),
            (404, "no such model", BadRequest),
            (429, "Slow down", ServerBusy),
            (500, "Internal Server Error", ServerGone),
            (503, "Loading model", ServerBusy),
            (504, "Gateway timeout", ServerTimedOut),
            (529, "Overloaded", ServerBusy),
        ],
    )
    async def test_gives_refusals_their_name(
        self,
        scripted_server: "ScriptedServer",
        protocol: str,
        status: int,
        message: str,
        kind: type[InferenceError],
    ) -> None:
        scripted_server.script(error_status=status, error_message=message)

        text, error = await collect_until_error(
            connector_of(protocol, scripted_server.address_for(protocol)), question()
        )

        assert text == ""
        assert type(error) is kind

    async def test_sends_the_key(self, locked_server: "ScriptedServer", protocol: str) -> None:
        chat = connector_of(protocol, locked_server.address_for(protocol), api_key="sesame")

        items = await collect(chat, question())

        assert items[-1] == Finished("stop")

    async def test_never_repeats_the_key(
        self, locked_server: "ScriptedServer", protocol: str
    ) -> None:
        chat = connector_of(protocol, locked_server.address_for(protocol), api_key="open-barley")

        _, error = await collect_until_error(chat, question())

        assert type(error) is ServerRefused
        assert "barley" not in f"{error} {error!r} {error.said}"

    async def test_never_repeats_the_key_within_an_answer(
        self, scripted_server: "ScriptedServer", protocol: str
    ) -> None:
        scripted_server.script(error_in_stream_after=0, error_message="not for open-barley")
        address = scripted_server.address_for(protocol)

        _, error = await collect_until_error(
            connector_of(protocol, address, api_key="open-barley"), question()
        )

        assert error.said == "not for ***"

    @pytest.mark.parametrize("host", NO_HOSTS)
    async def test_says_that_its_address_is_none(self, protocol: str, host: str) -> None:
        _, error = await collect_until_error(connector_of(protocol, f"http://{host}"), question())

        assert type(error) is AddressWrong
        assert "address" in error.way_out

    async def test_knows_when_nobody_listens(self, protocol: str) -> None:
        chat = connector_of(protocol, f"http://127.0.0.1:{free_port()}")

        _, error = await collect_until_error(chat, question())

        assert type(error) is ServerGone

    @pytest.mark.parametrize("body", [b"<html>Welcome", b"{", b"[]", b'"hi"', b"7", b"{}"])
    async def test_calls_another_kind_of_server_malformed(self, protocol: str, body: bytes) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await read_request(reader):
                await say(writer, body, kind="application/json")

        async with running_raw_server(answer) as base_url:
            address = base_url.removesuffix("/v1")
            _, error = await collect_until_error(connector_of(protocol, address), question())

        assert type(error) is MalformedAnswer

    @pytest.mark.parametrize(
        "script",
        [{"delay_ms": 9000, "late_headers": True}, {"delay_ms": 9000}, {"stall_after": 3}],
        ids=["before the first byte", "before the first token", "on a stall"],
    )
    async def test_stops_at_once(
        self, scripted_server: "ScriptedServer", protocol: str, script: dict[str, object]
    ) -> None:
        scripted_server.script(**script)
        stop = asyncio.Event()
        chat = connector_of(protocol, scripted_server.address_for(protocol))
        asyncio.get_running_loop().call_later(0.3, stop.set)

        began = time.monotonic()
        items = await collect(chat, question(), stop=stop)

        assert items[-1] == Stopped()
        assert time.monotonic() - began < AT_ONCE_SECONDS
        await until_nothing_runs(scripted_server)

    async def test_asks_nobody_when_the_stop_comes_first(
        self, scripted_server: "ScriptedServer", protocol: str
    ) -> None:
        stop = asyncio.Event()
        stop.set()

        items = await collect(
            connector_of(protocol, scripted_server.address_for(protocol)), question(), stop=stop
        )

        assert items == [Stopped()]
        assert scripted_server.stats()["chat_requests"] == 0

    async def test_ends_when_it_takes_too_long_in_all(
        self, scripted_server: "ScriptedServer", protocol: str
    ) -> None:
        scripted_server.script(rate=5)
        chat = connector_of(
            protocol, scripted_server.address_for(protocol), limits=StreamLimits(total=1)
        )

        text, error = await collect_until_error(chat, question())

        assert generated(60).startswith(text)
        assert type(error) is ServerTimedOut

    async def test_leaks_no_connection(
        self,
        scripted_server: "ScriptedServer",
        monkeypatch: pytest.MonkeyPatch,
        protocol: str,
    ) -> None:
        monkeypatch.setattr(transport, "_LIMITS", httpx.Limits(max_connections=POOL_CONNECTIONS))
        scripted_server.script(delay_ms=8, rate=3000, late_headers=True)
        chat = connector_of(protocol, scripted_server.address_for(protocol))
        moments = random.Random(9)  # noqa: S311 - moments, not secrets

        async def stop_it() -> None:
            stop = asyncio.Event()
            asyncio.get_running_loop().call_later(0.04 * moments.random() ** 2, stop.set)
            await collect(chat, question(), stop=stop)

        for _ in range(ROUNDS):
            await asyncio.gather(*(stop_it() for _ in range(POOL_CONNECTIONS)))
        async with asyncio.timeout(20):
            answers = await asyncio.gather(
                *(collect(chat, question()) for _ in range(POOL_CONNECTIONS))
            )

        assert {text_of(items) for items in answers} == {generated(60)}

    async def test_says_whether_the_server_is_there(
        self, scripted_server: "ScriptedServer", protocol: str
    ) -> None:
        endpoint = EndpointConfig(
            scripted_server.address_for(protocol) + PATHS[protocol], "scripted", protocol=protocol
        )

        served = await asyncio.to_thread(list_models, endpoint)

        assert served[0].name == "scripted"
        assert await list_models_async(endpoint) == served

    @pytest.mark.parametrize("host", [*NO_HOSTS, "xn--a"])
    async def test_says_that_there_can_be_no_server(self, protocol: str, host: str) -> None:
        scheme = "grpc" if protocol == "kserve-grpc" else "http"
        endpoint = EndpointConfig(f"{scheme}://{host}", "scripted", protocol=protocol)

        with pytest.raises(AddressWrong):
            await list_models_async(endpoint)
        with pytest.raises(AddressWrong):
            await asyncio.to_thread(list_models, endpoint)


@streaming_protocols
class TestEveryStream:
    @pytest.mark.parametrize(
        ("script", "kind"),
        [
            ({"die_after": 5}, ServerGone),
            ({"finish_reason": "abort", "tokens": 5}, ServerGone),
            ({"error_in_stream_after": 5}, ServerGone),
            ({"error_in_stream_after": 5, "error_message": "prompt is too long"}, PromptTooLong),
            ({"malformed_after": 5}, MalformedAnswer),
            ({"stall_after": 5}, ServerTimedOut),
        ],
        ids=lambda value: str(value) if isinstance(value, dict) else value.__name__,
    )
    async def test_keeps_its_text_and_names_the_fault(
        self,
        scripted_server: "ScriptedServer",
        protocol: str,
        script: dict[str, object],
        kind: type[Exception],
    ) -> None:
        scripted_server.script(**script)
        limits = SHORT_BETWEEN if kind is ServerTimedOut else StreamLimits()
        chat = connector_of(protocol, scripted_server.address_for(protocol), limits=limits)

        text, error = await collect_until_error(chat, question())

        assert text == FIVE_TOKENS
        assert type(error) is kind

    @pytest.mark.parametrize("script", [{}, {"late_headers": True}], ids=["headers", "nothing"])
    async def test_times_out_before_the_first_token(
        self, scripted_server: "ScriptedServer", protocol: str, script: dict[str, object]
    ) -> None:
        scripted_server.script(delay_ms=5000, **script)
        chat = connector_of(protocol, scripted_server.address_for(protocol), limits=SHORT)

        text, error = await collect_until_error(chat, question())

        assert text == ""
        assert type(error) is ServerTimedOut

    async def test_says_that_the_limit_was_reached(
        self, scripted_server: "ScriptedServer", protocol: str
    ) -> None:
        chat = connector_of(protocol, scripted_server.address_for(protocol))

        items = await collect(chat, question(max_tokens=3))

        assert items[-1] == Finished("length")

    @pytest.mark.parametrize("cut", [1, 20, 21, 22, 60, 90])
    async def test_goes_on_exactly_where_it_was(
        self, scripted_server: "ScriptedServer", protocol: str, cut: int
    ) -> None:
        whole = generated(40, "ko")
        scripted_server.script(tokens=40, language="ko")
        chat = connector_of(protocol, scripted_server.address_for(protocol))

        items = await collect(chat, question(continue_text=whole[:cut]))

        assert whole[:cut] + text_of(items) == whole


@pytest.mark.parametrize("protocol", ["openai", "anthropic", "session"])
async def test_thoughts_stay_apart(scripted_server: "ScriptedServer", protocol: str) -> None:
    scripted_server.script(tokens=5, reasoning="Hm.")

    items = await collect(connector_of(protocol, scripted_server.address_for(protocol)), question())

    assert items[0] == ReasoningDelta("Hm.")
    assert text_of(items) == FIVE_TOKENS


async def until_nothing_runs(server: "ScriptedServer") -> None:
    async with asyncio.timeout(10):
        while server.stats()["running"]:  # noqa: ASYNC110 - nobody sets an event for a test
            await asyncio.sleep(0.02)
