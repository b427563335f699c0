import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import h2.connection
import h2.errors
import pytest
from hyperframe.frame import GoAwayFrame
from hypothesis import given
from hypothesis import strategies as st

from chatbot.inference.connectors.errors import (
    BadRequest,
    InferenceError,
    MalformedAnswer,
    PromptTooLong,
    ServerBusy,
    ServerGone,
    ServerRefused,
    ServerTimedOut,
)
from chatbot.inference.connectors.grpc_frames import (
    MESSAGE_BYTES_LIMIT,
    MessageDecoder,
    framed,
    raise_unless_ok,
)
from chatbot.inference.connectors.kserve_grpc import KServeGRPCOptions, StreamInferReader
from chatbot.inference.connectors.kserve_messages import (
    StreamResponse,
    model_infer_request,
    stream_response,
)
from chatbot.inference.connectors.options import OptionsWrong
from chatbot.inference.connectors.protocol import Finished
from chatbot.inference.connectors.sse import ServerSentEvent
from tests.fakes.certificates import make_certificate
from tests.fakes.http2 import Reply, replying
from tests.fakes.kserve_proto import message, parsed
from tests.fakes.raw_server import Conversation, running_raw_server
from tests.fakes.script import generated
from tests.fakes.triton_grpc import _response as triton_response
from tests.inference.connectors.streams import (
    collect,
    collect_until_error,
    connector_of,
    question,
    text_of,
)

if TYPE_CHECKING:
    from chatbot.inference.connectors.kserve_messages import TensorValue
    from chatbot.inference.connectors.protocol import StreamItem
    from tests.fakes.scripted_server import ScriptedServer

SHORT_TEXT = "뇌간은 🧠 é."
AT_ONCE = 8
PAUSE_SECONDS = 0.002
FLUSH_SECONDS = 0.02
HEAD = [(":status", "200"), ("content-type", "application/grpc")]
TOKEN = framed(triton_response(text_output="Hi"))
LAST = framed(triton_response(is_final=True))


class TestModelInferRequest:
    def test_is_what_the_protocol_says(self) -> None:
        inputs: dict[str, TensorValue] = {
            "text": "왜?",
            "stream": True,
            "tokens": 300,
            "offset": -1,
            "heat": 0.5,
        }

        request = parsed("ModelInferRequest", model_infer_request("llama", inputs))

        tensors = {tensor.name: tensor for tensor in request.inputs}
        assert request.model_name == "llama"
        assert request.parameters[0].key == "triton_enable_empty_final_response"
        assert request.parameters[0].value.bool_param is True
        assert [tensor.datatype for tensor in request.inputs] == [
            "BYTES",
            "BOOL",
            "INT32",
            "INT32",
            "FP32",
        ]
        assert tensors["text"].contents.bytes_contents == ["왜?".encode()]
        assert tensors["stream"].contents.bool_contents == [True]
        assert tensors["tokens"].contents.int_contents == [300]
        assert tensors["offset"].contents.int_contents == [-1]
        assert tensors["heat"].contents.fp32_contents == [0.5]
        assert {tuple(tensor.shape) for tensor in request.inputs} == {(1,)}

    def test_has_room_for_large_numbers(self) -> None:
        request = parsed("ModelInferRequest", model_infer_request("llama", {"seed": -(2**40)}))

        assert request.inputs[0].datatype == "INT64"
        assert request.inputs[0].contents.int64_contents == [-(2**40)]

    def test_has_a_batch_where_the_model_wants_one(self) -> None:
        data = model_infer_request("llama", {"text": ""}, is_batched=True)

        assert parsed("ModelInferRequest", data).inputs[0].shape == [1, 1]


class TestStreamResponse:
    @given(text=st.text(), is_final=st.booleans())
    def test_reads_raw_contents(self, text: str, *, is_final: bool) -> None:
        data = triton_response(is_final=is_final, text_output=text)

        assert stream_response(data) == StreamResponse(
            outputs={"text_output": text.encode()}, is_final=is_final
        )

    def test_reads_typed_contents_of_several_elements(self) -> None:
        made = message("ModelStreamInferResponse")
        tensor = made.infer_response.outputs.add(name="out", datatype="BYTES", shape=[2])
        tensor.contents.bytes_contents.extend([b"a", b"b"])
        number = made.infer_response.outputs.add(name="n", datatype="INT32", shape=[1])
        number.contents.int_contents.append(7)

        assert stream_response(made.SerializeToString()) == StreamResponse(outputs={"out": b"ab"})

    def test_leaves_other_types_out(self) -> None:
        made = message("ModelStreamInferResponse")
        made.infer_response.outputs.add(name="n", datatype="INT32", shape=[1])
        made.infer_response.outputs.add(name="out", datatype="BYTES", shape=[1])
        made.infer_response.raw_output_contents.extend([b"\7\0\0\0", b"\1\0\0\0a"])

        assert stream_response(made.SerializeToString()).outputs == {"out": b"a"}

    def test_reads_errors(self) -> None:
        made = message("ModelStreamInferResponse", error_message="no")

        assert stream_response(made.SerializeToString()) == StreamResponse(error="no")

    @given(data=st.binary(max_size=200))
    def test_calls_anything_else_malformed(self, data: bytes) -> None:
        with contextlib.suppress(MalformedAnswer):
            assert isinstance(stream_response(data), StreamResponse)

    @pytest.mark.parametrize("cut", range(1, len(triton_response(text_output="Hi"))))
    def test_knows_a_message_that_is_cut(self, cut: int) -> None:
        with pytest.raises(MalformedAnswer):
            stream_response(triton_response(text_output="Hi")[:cut])


class TestMessageDecoder:
    def test_finds_the_same_wherever_bytes_are_cut(self) -> None:
        data = TOKEN + framed(b"") + LAST
        whole = [event.data for event in MessageDecoder().feed(data)]

        for cut in range(len(data)):
            decoder = MessageDecoder()
            found = [*decoder.feed(data[:cut]), *decoder.feed(data[cut:])]
            assert [event.data for event in found] == whole

    @pytest.mark.parametrize(
        "prefix",
        [b"\1\0\0\0\1", b"\0" + (MESSAGE_BYTES_LIMIT + 1).to_bytes(4)],
        ids=["compressed", "too large"],
    )
    def test_gives_what_came_before_an_error(self, prefix: bytes) -> None:
        messages = MessageDecoder().feed(TOKEN + prefix)

        assert next(messages).data == TOKEN[5:]
        with pytest.raises(MalformedAnswer):
            next(messages)


class TestStreamInferReader:
    @staticmethod
    def read(*messages: bytes, ends: bool = True) -> tuple[str, Finished | None]:
        reader = StreamInferReader(KServeGRPCOptions())
        text = "".join(reader.read(ServerSentEvent(data)) for data in messages)
        if ends:
            reader.end_of_response()
        return text, reader.finished

    def test_is_complete_with_the_last_response(self) -> None:
        last = triton_response(is_final=True, text_output="!")

        assert self.read(triton_response(text_output="Hi"), last, ends=False) == (
            "Hi!",
            Finished("stop"),
        )

    def test_is_complete_at_the_end_of_servers_that_do_not_tell(self) -> None:
        assert self.read(silent("Hi")) == ("Hi", Finished("stop"))

    @pytest.mark.parametrize("messages", [(), (triton_response(text_output="Hi"),)])
    def test_is_not_complete_without_the_last_response(self, messages: tuple[bytes, ...]) -> None:
        assert self.read(*messages)[1] is None

    def test_joins_characters_that_are_cut(self) -> None:
        data = "뇌".encode()

        assert self.read(silent(data[:1]), silent(data[1:]))[0] == "뇌"

    def test_believes_the_model(self) -> None:
        length = triton_response(text_output="", finish_reason="length")
        last = triton_response(is_final=True)

        assert self.read(length, last)[1] == Finished("length")

    @pytest.mark.parametrize(
        "data", [b"", b"\x12\x00", b"\xff"], ids=["empty", "no output", "garbage"]
    )
    def test_calls_anything_else_malformed(self, data: bytes) -> None:
        with pytest.raises(MalformedAnswer):
            self.read(data)

    def test_quotes_the_server_without_our_key(self) -> None:
        made = message("ModelStreamInferResponse", error_message="not sesame")
        reader = StreamInferReader(KServeGRPCOptions(), api_key="sesame")

        with pytest.raises(ServerGone) as caught:
            reader.read(ServerSentEvent(made.SerializeToString()))

        assert caught.value.said == "not ***"

    def test_calls_text_that_is_none_malformed(self) -> None:
        with pytest.raises(MalformedAnswer):
            self.read(silent(b"\xff"))


class TestStatuses:
    @pytest.mark.parametrize(
        ("status", "said", "kind"),
        [
            ("1", "", ServerGone),
            ("2", "", ServerGone),
            ("3", "unexpected inference input", BadRequest),
            ("3", "prompt is too long", PromptTooLong),
            ("4", "", ServerTimedOut),
            ("5", "unknown model", BadRequest),
            ("7", "", ServerRefused),
            ("8", "", ServerBusy),
            ("8", "Received message larger than max (5 vs. 4)", PromptTooLong),
            ("10", "", ServerGone),
            ("12", "", BadRequest),
            ("13", "", ServerGone),
            ("14", "", ServerBusy),
            ("15", "", ServerGone),
            ("16", "", ServerRefused),
            ("99", "", ServerGone),
            ("", "", ServerGone),
            ("OK", "", ServerGone),
            pytest.param("1" * 5000, "", ServerGone, id="many digits"),
        ],
    )
    def test_have_their_error(self, status: str, said: str, kind: type[InferenceError]) -> None:
        with pytest.raises(InferenceError) as caught:
            raise_unless_ok({"grpc-status": status, "grpc-message": said}, api_key="")

        assert type(caught.value) is kind

    def test_quote_the_server_without_our_key(self) -> None:
        trailers = {"grpc-status": "16", "grpc-message": "not sesame%2C %EC%99%9C?"}

        with pytest.raises(ServerRefused) as caught:
            raise_unless_ok(trailers, api_key="sesame")

        assert caught.value.said == "not ***, 왜?"
        assert caught.value.detail == "gRPC status UNAUTHENTICATED"

    def test_say_when_to_come_again(self) -> None:
        trailers = {"grpc-status": "14", "grpc-retry-pushback-ms": "6500"}

        with pytest.raises(ServerBusy) as caught:
            raise_unless_ok(trailers, api_key="")

        assert caught.value.retry_after_seconds == 7


class TestKServeGRPCChat:
    async def test_sends_what_was_asked(self, scripted_server: "ScriptedServer") -> None:
        options = {"temperature_field": "heat", "parameters": {"top_k": 5, "max_tokens": 7}}
        chat = chat_at(scripted_server, options=options)

        await collect(chat, question())

        assert scripted_server.requests() == [
            {
                "text_input": "User: Why?\n\nAssistant:",
                "parameters": {"stream": True, "max_tokens": 7, "heat": 0.0, "top_k": 5},
            }
        ]

    async def test_sends_parameters_as_inputs_where_the_model_wants_that(
        self, scripted_server: "ScriptedServer"
    ) -> None:
        options = {
            "sampling_field": "",
            "stream_field": "",
            "is_batched": True,
            "inputs": {"return_finish_reason": True},
        }
        chat = chat_at(scripted_server, options=options)

        await collect(chat, question(max_tokens=5))

        assert scripted_server.requests()[0]["parameters"] == {
            "max_tokens": 5,
            "temperature": 0.0,
            "return_finish_reason": True,
        }

    @pytest.mark.parametrize(
        "options",
        [
            {"template": "alpaca"},
            {"inputs": {"seeds": [1]}},
            {"sampling_field": "", "parameters": {"stop": ["x"]}},
            {"inputs": {"heat": 1e39}},
            {"inputs": {"seed": 2**63}},
        ],
        ids=str,
    )
    def test_refuses_options_that_it_can_not_send(self, options: dict[str, Any]) -> None:
        with pytest.raises(OptionsWrong):
            connector_of("kserve-grpc", "grpc://127.0.0.1:1", options=options)

    async def test_refuses_tools(self, scripted_server: "ScriptedServer") -> None:
        with pytest.raises(BadRequest):
            await collect(chat_at(scripted_server), question(options={"tools": [{}]}))

    async def test_sends_prompts_above_the_window(self, scripted_server: "ScriptedServer") -> None:
        items = await collect(chat_at(scripted_server), question("word " * 60_000))

        assert text_of(items) == generated(60)

    async def test_says_that_a_prompt_is_above_the_servers_limit(
        self, scripted_server: "ScriptedServer"
    ) -> None:
        _, error = await collect_until_error(
            chat_at(scripted_server), question("word " * 1_000_000)
        )

        assert type(error) is PromptTooLong

    async def test_is_not_complete_when_the_call_ends_early(
        self, scripted_server: "ScriptedServer"
    ) -> None:
        scripted_server.script(no_finish_reason=True, tokens=5)

        text, error = await collect_until_error(chat_at(scripted_server), question())

        assert text == generated(5)
        assert type(error) is ServerGone


class TestBytes:
    """Cut at every one, between the connector and a real server."""

    async def test_may_come_in_any_two_pieces(self, scripted_server: "ScriptedServer") -> None:
        scripted_server.script(text=SHORT_TEXT)
        target = scripted_server.address_for("kserve-grpc")
        size = await bytes_of_answer(target)

        outcomes = await for_each(
            range(1, size), lambda cut: outcome(relaying(target, pause_at=cut))
        )

        assert set(outcomes) == {(SHORT_TEXT, "Finished")}

    async def test_may_end_after_any(self, scripted_server: "ScriptedServer") -> None:
        scripted_server.script(text=SHORT_TEXT)
        target = scripted_server.address_for("kserve-grpc")
        size = await bytes_of_answer(target)

        outcomes = await for_each(range(size), lambda cut: outcome(relaying(target, end_at=cut)))

        ends = {end for _, end in outcomes}
        assert all(SHORT_TEXT.startswith(text) for text, _ in outcomes)
        assert {text for text, end in outcomes if end == "Finished"} <= {SHORT_TEXT}
        assert len({text for text, _ in outcomes}) == 4
        assert ends == {"ServerGone", "Finished"}


class TestServers:
    @pytest.mark.parametrize(
        ("reply", "text", "kind"),
        [
            (lambda c: answer(c, TOKEN), "Hi", ServerGone),
            (lambda c: answer(c, TOKEN, trailers=[("grpc-status", "14")]), "Hi", ServerBusy),
            (lambda c: answer(c, TOKEN, trailers=[("x", "y")]), "Hi", ServerGone),
            (lambda c: answer(c, TOKEN + b"\1\0\0\0\1a"), "Hi", MalformedAnswer),
            (lambda c: answer(c, TOKEN + b"\0\xff\0\0\0"), "Hi", MalformedAnswer),
            (lambda c: reset(c, h2.errors.ErrorCodes.INTERNAL_ERROR), "Hi", ServerGone),
            (lambda c: reset(c, h2.errors.ErrorCodes.ENHANCE_YOUR_CALM), "Hi", ServerBusy),
            (lambda c: c.close_connection(2), "", ServerGone),
            (lambda c: c.close_connection(0, last_stream_id=0), "", ServerGone),
            (lambda c: only_head(c, ("grpc-status", "16")), "", ServerRefused),
            (lambda c: only_head(c, (":status", "503")), "", ServerBusy),
            (lambda c: only_head(c, (":status", "abc")), "", MalformedAnswer),
            (lambda c: only_head(c, ("content-type", "text/html")), "", MalformedAnswer),
        ],
        ids=[
            "breaks off",
            "fails later",
            "no status",
            "compressed",
            "too large",
            "reset",
            "reset: calm",
            "go away: error",
            "go away: not begun",
            "refused",
            "HTTP status",
            "no HTTP status",
            "no gRPC",
        ],
    )
    async def test_faults_have_their_error(
        self, reply: Reply, text: str, kind: type[InferenceError]
    ) -> None:
        async with running_raw_server(replying(reply)) as base_url:
            chat = connector_of("kserve-grpc", base_url.removesuffix("/v1"))
            said, error = await collect_until_error(chat, question())

        assert (said, type(error)) == (text, kind)

    async def test_may_leave_after_the_call(self) -> None:
        def reply(connection: h2.connection.H2Connection) -> None:
            connection.send_headers(1, HEAD)
            connection.send_data(1, TOKEN + LAST)
            connection.send_headers(1, [("grpc-status", "0")], end_stream=True)
            connection.close_connection()

        async with running_raw_server(replying(reply)) as base_url:
            items = await collect(
                connector_of("kserve-grpc", base_url.removesuffix("/v1")), question()
            )

        assert text_of(items) == "Hi"
        assert items[-1] == Finished("stop")

    @pytest.mark.parametrize("last_stream", [1, 2**31 - 1])
    async def test_may_want_no_further_calls_during_one(self, last_stream: int) -> None:
        def reply(connection: h2.connection.H2Connection) -> None:
            connection.send_headers(1, HEAD)
            connection.send_data(1, TOKEN)
            connection._prepare_for_sending([GoAwayFrame(last_stream_id=last_stream)])
            connection.send_data(1, TOKEN + LAST)
            connection.send_headers(1, [("grpc-status", "0")], end_stream=True)

        assert await outcome(replying(reply)) == ("HiHi", "Finished")

    async def test_are_sent_the_key_where_they_want_it(self) -> None:
        seen: list[bytes] = []

        def reply(connection: h2.connection.H2Connection) -> None:
            answer(connection, LAST)

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await replying(reply)(Tap(reader, seen), writer)  # type: ignore[arg-type] # reads alike

        async with running_raw_server(converse) as base_url:
            chat = connector_of(
                "kserve-grpc",
                base_url.removesuffix("/v1"),
                api_key="sesame",
                options={"api_key_field": "triton-grpc-protocol-infer-key"},
            )
            await collect(chat, question())

        decoder = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )
        headers = dict(decoder.receive_data(b"".join(seen))[1].headers)  # type: ignore[attr-defined]
        assert headers["triton-grpc-protocol-infer-key"] == "sesame"
        assert "authorization" not in headers
        assert headers["grpc-timeout"] == "600000m"


class TestTLS:
    async def test_reaches_a_server_with_a_trusted_certificate(
        self, scripted_server: "ScriptedServer", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trusted, tls = make_certificate(tmp_path)
        tls.set_alpn_protocols(["h2"])
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        relay = relaying(scripted_server.address_for("kserve-grpc"))

        async with running_raw_server(relay, tls=tls) as base_url:
            chat = connector_of("kserve-grpc", base_url.removesuffix("/v1"))
            items = await collect(chat, question())
        await relays_ended()

        assert text_of(items) == generated(60)

    async def test_refuses_any_other_certificate(
        self, scripted_server: "ScriptedServer", tmp_path: Path
    ) -> None:
        _, tls = make_certificate(tmp_path)
        relay = relaying(scripted_server.address_for("kserve-grpc"))

        async with running_raw_server(relay, tls=tls) as base_url:
            chat = connector_of("kserve-grpc", base_url.removesuffix("/v1"))
            _, error = await collect_until_error(chat, question())

        assert type(error) is ServerGone
        assert "certificate" in error.detail.lower()


class Tap:
    """A reader that keeps what it read."""

    def __init__(self, reader: asyncio.StreamReader, seen: list[bytes]) -> None:
        self._reader = reader
        self._seen = seen

    async def read(self, size: int) -> bytes:
        self._seen.append(await self._reader.read(size))
        return self._seen[-1]


def chat_at(server: "ScriptedServer", options: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
    return connector_of("kserve-grpc", server.address_for("kserve-grpc"), options=options)


def silent(text: str | bytes) -> bytes:
    """A response of a server that doesn't tell the last one."""
    made = message("ModelStreamInferResponse")
    tensor = made.infer_response.outputs.add(name="text_output", datatype="BYTES", shape=[1])
    tensor.contents.bytes_contents.append(text if isinstance(text, bytes) else text.encode())
    data: bytes = made.SerializeToString()
    return data


def answer(
    connection: h2.connection.H2Connection,
    data: bytes,
    *,
    trailers: list[tuple[str, str]] | None = None,
) -> None:
    connection.send_headers(1, HEAD)
    connection.send_data(1, data)
    if trailers:
        connection.send_headers(1, trailers, end_stream=True)


def reset(connection: h2.connection.H2Connection, code: h2.errors.ErrorCodes) -> None:
    answer(connection, TOKEN)
    connection.reset_stream(1, code)


def only_head(connection: h2.connection.H2Connection, *changes: tuple[str, str]) -> None:
    connection.send_headers(1, list((dict(HEAD) | dict(changes)).items()), end_stream=True)


def relaying(
    target: str, *, pause_at: int = -1, end_at: int = -1, seen: list[bytes] | None = None
) -> Conversation:
    """Passes on what a server says; waits, or hangs up, after so many bytes."""
    address = urlsplit(target)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, asks = await asyncio.open_connection(address.hostname, address.port)
        both = {
            asyncio.create_task(pump(reader, asks)),
            asyncio.create_task(say(answers, writer)),
        }
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            # Clients drop what they haven't read yet when a connection breaks.
            await asyncio.sleep(FLUSH_SECONDS)
        finally:
            for task in both:
                task.cancel()
            asks.transport.abort()
            await asyncio.wait(both)

    async def say(answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = 0
        while sent != end_at and (data := await answers.read(65536)):
            if seen is not None:
                seen.append(data)
            for piece in cut_at(data, max(pause_at, end_at) - sent):
                if sent != end_at:
                    writer.write(piece)
                    await writer.drain()
                    sent += len(piece)
                    await asyncio.sleep(PAUSE_SECONDS)

    return converse


def cut_at(data: bytes, place: int) -> Iterator[bytes]:
    if 0 < place < len(data):
        yield data[:place]
        yield data[place:]
    else:
        yield data


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def bytes_of_answer(target: str) -> int:
    """How many a server says for one answer, more or less."""
    seen: list[bytes] = []
    assert await outcome(relaying(target, seen=seen)) == (SHORT_TEXT, "Finished")
    return sum(map(len, seen))


async def outcome(conversation: Conversation) -> tuple[str, str]:
    """The text, and what ended it."""
    text = ""
    end: StreamItem | InferenceError
    async with running_raw_server(conversation) as base_url:
        chat = connector_of("kserve-grpc", base_url.removesuffix("/v1"))
        try:
            items = await collect(chat, question())
            text, end = text_of(items), items[-1]
        except InferenceError:
            text, end = await collect_until_error(chat, question())
    return text, type(end).__name__


async def for_each(cuts: range, ask: Any) -> list[tuple[str, str]]:  # noqa: ANN401
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(cut: int) -> tuple[str, str]:
        async with at_once:
            return await ask(cut)  # type: ignore[no-any-return] # an outcome

    outcomes = await asyncio.gather(*(one(cut) for cut in cuts))
    await relays_ended()
    return outcomes


async def relays_ended() -> None:
    async with asyncio.timeout(5):
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
