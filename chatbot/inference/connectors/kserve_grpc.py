"""Chat with Triton and other KServe v2 servers over gRPC, by `ModelStreamInfer`.

One request goes in, any number of responses come out: what Triton calls a decoupled model. It tells
the last one (`triton_final_response`); of servers that don't, an answer is complete when the call
ends with the status OK, after at least one response.
"""

import asyncio
import codecs
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import httpx
import orjson

from chatbot.inference.connectors.errors import (
    MalformedAnswer,
    ServerBusy,
    ServerTimedOut,
)
from chatbot.inference.connectors.event_streams import EventStreamChat, StreamedAnswer
from chatbot.inference.connectors.grpc_frames import MessageDecoder, framed, raise_unless_ok
from chatbot.inference.connectors.kserve_http import (
    NO_REASON,
    KServeOptions,
    generate_parameters,
    kserve_prompt,
)
from chatbot.inference.connectors.kserve_messages import (
    TensorValue,
    can_send,
    is_ready,
    model_infer_request,
    model_ready_request,
    stream_response,
)
from chatbot.inference.connectors.options import OptionsWrong, read_options
from chatbot.inference.connectors.prompt_templates import check_template
from chatbot.inference.connectors.protocol import (
    Capabilities,
    ChatRequest,
    EndpointConfig,
    Finished,
)
from chatbot.inference.connectors.reasons import finish_of
from chatbot.inference.connectors.requests import (
    Answered,
    raise_unless_success,
    traceparent,
    url_of,
)
from chatbot.inference.connectors.statuses import (
    HTTP_SERVER_ERROR,
    error_of_message,
    error_of_transport,
    masked,
)
from chatbot.inference.connectors.watched import Streamed, WatchedResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chatbot.inference.connectors.protocol import StreamItem, UsageReport
    from chatbot.inference.connectors.sse import ServerSentEvent

SERVICE: Final = "inference.GRPCInferenceService"
CHECK_SECONDS: Final = 5.0
_BEARER: Final = "authorization"


@dataclass(frozen=True, slots=True)
class KServeGRPCOptions(KServeOptions):
    """What HTTP's have, and what only tensors need."""

    stream_field: str = "stream"
    """Input of type BOOL; empty: the model has none."""
    sampling_field: str = "sampling_parameters"
    """Input that takes all parameters as one JSON text; empty: each is an input of its own."""
    inputs: dict[str, Any] = field(default_factory=dict)
    """More inputs, sent with every request: switches, numbers and texts."""
    is_batched: bool = False
    """Inputs have the shape [1, 1], for models with a batch size; else [1]."""
    api_key_field: str = _BEARER
    """Metadata that the key is sent in; `authorization` gets `Bearer ` before it."""


def kserve_grpc_options(endpoint: EndpointConfig) -> KServeGRPCOptions:
    """Raises OptionsWrong."""
    options = read_options(KServeGRPCOptions, endpoint.options)
    check_template(options.template)
    values = options.inputs if options.sampling_field else options.inputs | options.parameters
    for name, value in values.items():
        if not isinstance(value, TensorValue):
            raise OptionsWrong(f"The input {name} is no switch, number or text.")
        if not can_send(value):
            raise OptionsWrong(f"The input {name} is a number that no tensor takes.")
    return options


class KServeGRPCChat(EventStreamChat):
    """Chat at one endpoint; implements `ChatConnector`."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        """Raises OptionsWrong."""
        super().__init__(endpoint)
        self._options = kserve_grpc_options(endpoint)

    async def capabilities(self) -> Capabilities:
        await asyncio.to_thread(_load_transport)
        return Capabilities(continues=True, context_tokens=self._endpoint.context_tokens)

    def _reader(self) -> "StreamInferReader":
        return StreamInferReader(self._options, api_key=self._endpoint.api_key)

    def _answer(self, continue_text: str) -> "_CalledAnswer":
        decoder = MessageDecoder()
        return _CalledAnswer(self._reader(), continue_text, decoder, self._endpoint.api_key)

    def _request(self, request: ChatRequest, *, begun: str) -> tuple[str, bytes]:
        options = self._options
        inputs: dict[str, TensorValue] = {
            options.input_field: kserve_prompt(options, request, begun=begun)
        }
        if options.stream_field:
            inputs[options.stream_field] = True
        parameters = generate_parameters(options, request)
        if options.sampling_field:
            inputs[options.sampling_field] = orjson.dumps(parameters).decode()
        else:
            inputs |= parameters
        inputs |= options.inputs
        message = model_infer_request(request.model, inputs, is_batched=options.is_batched)
        return "ModelStreamInfer", message

    def _posted(self, path: str, body: bytes, stop: asyncio.Event) -> WatchedResponse:
        limits = self._endpoint.limits
        request = _call(
            self._endpoint,
            path,
            body,
            api_key_field=self._options.api_key_field,
            connect_seconds=limits.connect,
            total_seconds=limits.total,
        )
        return WatchedResponse(partial(_called, request), stop=stop, limits=limits)

    async def _check(self, watched: WatchedResponse) -> None:
        response = watched.response
        body = b"" if response.is_success else await watched.read_error()
        _check_head(self._endpoint, response, body)


class _CalledAnswer(StreamedAnswer):
    """The answer to a call of gRPC."""

    def __init__(
        self,
        reader: "StreamInferReader",
        continue_text: str,
        decoder: MessageDecoder,
        api_key: str,
    ) -> None:
        super().__init__(reader, continue_text, decoder)
        self._api_key = api_key

    def end_of(self, response: Streamed) -> None:
        """Raises the InferenceError of the call's status."""
        if not self.reader.is_done:
            raise_unless_ok(response.trailers, api_key=self._api_key)
            self.reader.end_of_response()


class StreamInferReader:
    """Implements `EventReader`; an event is one message."""

    def __init__(self, options: KServeGRPCOptions, *, api_key: str = "") -> None:
        """A server that repeats the key isn't quoted."""
        self._api_key = api_key
        self.finished: Finished | None = None
        self.usage: UsageReport | None = None
        self.is_done = False
        self.others: list[StreamItem] = []
        self._options = options
        self._has_begun = False
        self._tells_end = False
        self._characters = codecs.getincrementaldecoder("utf-8")()

    def read(self, event: "ServerSentEvent") -> str:
        """The text in the message; characters may be cut between two of them.

        Raises:
            MalformedAnswer: it is no response of a model.
            InferenceError: it says that the server failed.
        """
        response = stream_response(event.data)
        if response.error:
            raise error_of_message(HTTP_SERVER_ERROR, masked(response.error, self._api_key))
        if response.is_final is not None:
            self._tells_end = True
        output = response.outputs.get(self._options.output_field)
        if output is None and not response.is_final:
            raise MalformedAnswer(f"a response without {self._options.output_field}")
        self._has_begun = True
        try:
            text = self._characters.decode(output or b"")
            reason = response.outputs.get(self._options.finish_reason_field, b"").decode()
        except UnicodeDecodeError as error:
            raise MalformedAnswer("a text that is not UTF-8") from error
        if reason not in NO_REASON:
            self.finished = finish_of(reason)
        if response.is_final:
            self.finished = self.finished or Finished("stop")
            self.is_done = True
        return text

    def end_of_response(self) -> None:
        if self._has_begun and not self._tells_end and self.finished is None:
            self.finished = Finished("stop")


async def raise_unless_model_ready(endpoint: EndpointConfig) -> None:
    """Asks the server, at most for five seconds, whether it has loaded the model.

    Raises:
        InferenceError: it hasn't, or doesn't answer.
        OptionsWrong: the endpoint's options are none of this protocol's.
    """
    await asyncio.to_thread(_load_transport)
    request = _call(
        endpoint,
        "ModelReady",
        model_ready_request(endpoint.model),
        api_key_field=kserve_grpc_options(endpoint).api_key_field,
        connect_seconds=endpoint.limits.connect,
        total_seconds=CHECK_SECONDS,
    )
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            answer = await _first_message(endpoint, request)
    except TimeoutError as error:
        raise ServerTimedOut(f"no answer for {CHECK_SECONDS:g} s") from error
    except httpx.HTTPError as error:
        raise error_of_transport(error) from error
    if answer is None or not is_ready(answer):
        raise ServerBusy("the model is not ready")


class _CalledResponse:
    """Implements `Streamed`."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._pieces = response.aiter_raw()
        self.status_code = response.status_code
        self.is_success = response.is_success
        self.headers: Mapping[str, str] = response.headers
        self.trailers: Mapping[str, str] = response.extensions["trailers"]

    async def read(self) -> bytes:
        try:
            return await anext(self._pieces, b"")
        except httpx.HTTPError as error:
            raise error_of_transport(error) from error

    def pause(self) -> None:
        """What comes waits in the stream reader, which has a bound."""

    def resume(self) -> None:
        """Nothing was paused."""

    async def aclose(self) -> None:
        await self._response.aclose()


async def _called(request: httpx.Request) -> _CalledResponse:
    try:
        return _CalledResponse(await _client().send(request, stream=True))
    except httpx.HTTPError as error:
        raise error_of_transport(error) from error


async def _first_message(endpoint: EndpointConfig, request: httpx.Request) -> bytes | None:
    """What follows it is not waited for."""
    response = await _client().send(request, stream=True)
    decoder = MessageDecoder()
    try:
        _check_head(endpoint, response, b"")
        async for piece in response.aiter_raw():
            for event in decoder.feed(piece):
                return event.data
    finally:
        await response.aclose()
    raise_unless_ok(response.extensions["trailers"], api_key=endpoint.api_key)
    return None


def _load_transport() -> Callable[[], httpx.AsyncClient]:
    """Loads h2, 5 MB of memory and 0.1 s: for whoever has an endpoint of this kind."""
    from chatbot.inference.connectors.grpc_transport import grpc_client  # noqa: PLC0415

    return grpc_client


def _client() -> httpx.AsyncClient:
    return _load_transport()()


def _call(
    endpoint: EndpointConfig,
    method: str,
    message: bytes,
    *,
    api_key_field: str,
    connect_seconds: float,
    total_seconds: float,
) -> httpx.Request:
    sent = {
        "te": "trailers",  # codespell:ignore te
        "content-type": "application/grpc",
        "grpc-timeout": f"{round(total_seconds * 1000)}m",
    }
    if endpoint.api_key:
        bearer = "Bearer " if api_key_field == _BEARER else ""
        sent[api_key_field] = bearer + endpoint.api_key
    if own := traceparent.get():
        sent["traceparent"] = own
    # grpc:// and grpcs:// are what http:// and https:// are below.
    address = endpoint.base_url.replace("grpc", "http", 1)
    timeout = httpx.Timeout(total_seconds, connect=connect_seconds)
    return httpx.Request(
        "POST",
        url_of(f"{address}/{SERVICE}/{method}"),
        headers=sent,
        content=framed(message),
        extensions={"timeout": timeout.as_dict()},
    )


def _check_head(endpoint: EndpointConfig, response: Answered, body: bytes) -> None:
    """Raises InferenceError: what answers doesn't speak gRPC, or not now."""
    raise_unless_success(endpoint, response, body)
    kind = response.headers.get("content-type", "")
    if not kind.startswith("application/grpc"):
        raise MalformedAnswer(f"not gRPC but {kind or 'something without a type'}")
