import asyncio
from typing import TYPE_CHECKING

import pytest

from chatbot.inference.connectors.errors import (
    RETRY_AFTER_SECONDS,
    BadRequest,
    InferenceError,
    PromptTooLong,
    ServerBusy,
    ServerGone,
    ServerRefused,
    ServerTimedOut,
)
from chatbot.inference.connectors.statuses import RETRY_AFTER_SECONDS_LIMIT, error_of_status
from tests.fakes.raw_server import read_request, running_raw_server
from tests.fakes.scripted_server import running_scripted_server
from tests.inference.connectors.streams import (
    COMPLETE,
    collect,
    collect_until_error,
    connector,
    question,
    say,
    text_of,
)
from tests.servers import free_port

if TYPE_CHECKING:
    from tests.fakes.scripted_server import ScriptedServer


class TestRefusedRequests:
    @pytest.mark.parametrize(
        ("status", "message", "kind"),
        [
            (400, "Unknown field", BadRequest),
            (400, "This model's maximum context length is 4096 tokens.", PromptTooLong),
            (400, "request (9031 tokens) exceeds the available context size", PromptTooLong),
            (401, "Unauthorized", ServerRefused),
            (403, "Forbidden", ServerRefused),
            (404, "The model `x` does not exist.", BadRequest),
            (413, "", PromptTooLong),
            (422, "Field required", BadRequest),
            (429, "Slow down", ServerBusy),
            (500, "Internal Server Error", ServerGone),
            (502, "Bad gateway", ServerGone),
            (503, "Loading model", ServerBusy),
            (504, "Gateway timeout", ServerTimedOut),
        ],
    )
    async def test_have_a_name(
        self,
        scripted_server: "ScriptedServer",
        status: int,
        message: str,
        kind: type[InferenceError],
    ) -> None:
        scripted_server.script(error_status=status, error_message=message)

        text, error = await collect_until_error(connector(scripted_server.base_url), question())

        assert text == ""
        assert type(error) is kind
        assert error.said == message
        assert str(status) in str(error)

    async def test_keep_what_the_server_said_out_of_logs(
        self, scripted_server: "ScriptedServer"
    ) -> None:
        scripted_server.script(error_status=400, error_message="bad input: my secret question")

        _, error = await collect_until_error(connector(scripted_server.base_url), question())

        assert "secret" not in f"{error} {error!r}"

    async def test_say_when_to_come_again(self, scripted_server: "ScriptedServer") -> None:
        scripted_server.script(error_status=503, retry_after=17)

        _, error = await collect_until_error(connector(scripted_server.base_url), question())

        assert isinstance(error, ServerBusy)
        assert error.retry_after_seconds == 17

    @pytest.mark.parametrize(
        ("said", "seconds"),
        [
            pytest.param("86400", RETRY_AFTER_SECONDS_LIMIT, id="a day"),
            pytest.param("9" * 5000, RETRY_AFTER_SECONDS_LIMIT, id="thousands of digits"),
            pytest.param("0", 1, id="at once"),
            pytest.param("-1", RETRY_AFTER_SECONDS, id="before"),
            pytest.param("1e9", RETRY_AFTER_SECONDS, id="nonsense"),
            pytest.param("Sun, 22 Nov 2026 15:00:00 GMT", RETRY_AFTER_SECONDS, id="a date"),
        ],
    )
    def test_say_nothing_absurd(self, said: str, seconds: int) -> None:
        error = error_of_status(503, b"", headers={"retry-after": said})

        assert error.retry_after_seconds == seconds

    async def test_never_repeat_the_key(self) -> None:
        with running_scripted_server("--api-key", "sesame") as server:
            chat = connector(server.base_url, api_key="open-barley")
            _, error = await collect_until_error(chat, question())

        assert type(error) is ServerRefused
        assert error.said == "Incorrect API key provided: Bearer ***"

    async def test_are_gone_when_nobody_listens(self) -> None:
        chat = connector(f"http://127.0.0.1:{free_port()}/v1")

        _, error = await collect_until_error(chat, question())

        assert type(error) is ServerGone

    async def test_are_gone_when_it_is_another_protocol(self) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(b"-ERR unknown command\r\n")
            await writer.drain()

        async with running_raw_server(answer) as base_url:
            _, error = await collect_until_error(connector(base_url), question())

        assert type(error) is ServerGone

    async def test_show_no_key_in_a_repr(self) -> None:
        chat = connector("http://127.0.0.1:1/v1", api_key="sesame")

        assert "sesame" not in repr(chat._endpoint)


class TestStaleConnections:
    async def test_are_tried_again_once(self) -> None:
        requests = 0

        async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            """Keeps the connection open after an answer, and hangs up on the next request."""
            nonlocal requests
            await read_request(reader)
            requests += 1
            await say(writer, *COMPLETE)
            requests += bool(await read_request(reader))

        async with running_raw_server(answer_once) as base_url:
            await collect(connector(base_url), question())
            items = await collect(connector(base_url), question())

        assert text_of(items) == "Hi"
        assert requests == 3

    async def test_are_not_tried_for_ever(self) -> None:
        requests = 0

        async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            nonlocal requests
            await read_request(reader)
            requests += 1

        async with running_raw_server(hang_up) as base_url:
            _, error = await collect_until_error(connector(base_url), question())

        assert type(error) is ServerGone
        assert requests == 2
