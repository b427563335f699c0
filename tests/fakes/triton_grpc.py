"""The scripted server's gRPC side: a real gRPC server that speaks KServe v2 as Triton does.

A relay stands before it, because a gRPC server can't cut its own connections in mid-word.
"""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import grpc
import orjson

from tests.fakes.kserve_proto import message, parsed
from tests.fakes.scripted_answer import CUT_BYTES, Cut, Refused
from tests.fakes.triton_answer import TritonAnswer

if TYPE_CHECKING:
    from tests.fakes.inference_server import ScriptedInference

SERVICE: Final = "inference.GRPCInferenceService"
CHUNK_BYTES: Final = 65536
_CODES: Final = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
    529: grpc.StatusCode.UNAVAILABLE,
}


class Relay:
    """Passes bytes on between clients and the gRPC server."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._pairs: dict[int, tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = {}
        self._in_pieces: set[int] = set()

    async def start(self) -> int:
        server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def cut(self, peer: str) -> None:
        """Breaks the connection of the call that the server knows by this name."""
        for writer in self._pairs[_port_in(peer)]:
            writer.transport.abort()

    def send_in_pieces(self, peer: str) -> None:
        self._in_pieces.add(_port_in(peer))

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        own_port: int = to_server.get_extra_info("sockname")[1]
        self._pairs[own_port] = writer, to_server
        try:
            await asyncio.gather(
                self._pump(reader, to_server, own_port=0),
                self._pump(from_server, writer, own_port=own_port),
            )
        finally:
            self._in_pieces.discard(own_port)
            del self._pairs[own_port]

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, own_port: int
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                size = CUT_BYTES if own_port in self._in_pieces else len(data)
                for start in range(0, len(data), size):
                    writer.write(data[start : start + size])
                    await writer.drain()
                    await asyncio.sleep(0)
        writer.close()


class TritonGRPCAnswer(TritonAnswer):
    """Responses of a decoupled model; the last one says so."""

    MALFORMED: ClassVar[bytes] = b"\x12\x7fno message"

    async def stream(self, send: Any) -> None:  # noqa: ANN401 - a _Call, in the place of ASGI's
        if self.script.cut_utf8:
            send.in_pieces()
        if not self.script.late_headers:
            await send.context.send_initial_metadata(())
        await asyncio.sleep(self.script.delay_ms / 1000)
        if await self._send_tokens(send.context.write):
            for response in self._ending():
                await send.context.write(response)

    def _token(self, token: str) -> bytes:
        return _response(text_output=token)

    def _error(self, said: str) -> bytes:
        return _bytes(message("ModelStreamInferResponse", error_message=said))

    def _ending(self) -> Iterator[bytes]:
        if self.finish_reason in {"abort", "length"}:
            yield _response(text_output="", finish_reason=self.finish_reason)
        if not self.script.no_finish_reason:
            yield _response(is_final=True)


class _Call:
    def __init__(self, context: Any, relay: Relay) -> None:  # noqa: ANN401 - grpc has no types
        self.context = context
        self._relay = relay

    def in_pieces(self) -> None:
        self._relay.send_in_pieces(self.context.peer())

    def cut(self) -> None:
        self._relay.cut(self.context.peer())


class TritonGRPC:
    """The service; an answer goes the way that those over HTTP go, with a call in ASGI's place."""

    def __init__(self, inference: "ScriptedInference") -> None:
        self._inference = inference
        self._server = grpc.aio.server()
        handlers = {
            "ModelReady": grpc.unary_unary_rpc_method_handler(self._ready),
            "ModelStreamInfer": grpc.stream_stream_rpc_method_handler(self._infer),
        }
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, handlers),)
        )

    async def start(self) -> int:
        """The port that it listens on."""
        port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        self._relay = Relay(port)
        return await self._relay.start()

    async def _ready(self, request: bytes, context: Any) -> bytes:  # noqa: ANN401 - grpc has no types
        parsed("ModelReadyRequest", request)
        async with _refusals(context):
            self._check_key(context)
            await self._inference._ready(b"", _never, _nowhere)
        return _bytes(message("ModelReadyResponse", ready=True))

    async def _infer(self, requests: AsyncIterator[bytes], context: Any) -> None:  # noqa: ANN401
        call: Any = _Call(context, self._relay)
        async with _refusals(context):
            self._check_key(context)
            async for request in requests:
                body = orjson.dumps(request_in(request))
                try:
                    await self._inference._chat(body, _never, call, kind=TritonGRPCAnswer)
                except Cut:
                    call.cut()

    def _check_key(self, context: Any) -> None:  # noqa: ANN401
        headers = [(name.encode(), value.encode()) for name, value in context.invocation_metadata()]
        self._inference._check_key({"headers": headers})


@contextlib.asynccontextmanager
async def _refusals(context: Any) -> AsyncIterator[None]:  # noqa: ANN401
    """Refusals of HTTP become statuses of the call."""
    try:
        yield
    except Refused as error:
        trailing: tuple[tuple[str, str], ...] = ()
        if error.retry_after is not None:
            trailing = (("grpc-retry-pushback-ms", str(error.retry_after * 1000)),)
        code = _CODES.get(error.status, grpc.StatusCode.UNKNOWN)
        await context.abort(code, error.message, trailing)


async def _never() -> MutableMapping[str, Any]:
    """What ASGI tells of a client that hasn't gone away; gRPC cancels the task instead."""
    await asyncio.Event().wait()
    return {}


async def _nowhere(_message: MutableMapping[str, Any]) -> None:
    pass


def request_in(data: bytes) -> dict[str, Any]:
    """A request in the form of the HTTP server's."""
    request = parsed("ModelInferRequest", data)
    inputs = {tensor.name: _value(tensor) for tensor in request.inputs}
    parameters = orjson.loads(str(inputs.pop("sampling_parameters", "{}")))
    text = inputs.pop("text_input")
    return {"text_input": text, "parameters": inputs | parameters}


def _value(tensor: Any) -> bool | int | float | str:  # noqa: ANN401
    contents = tensor.contents
    if tensor.datatype == "BYTES":
        text: str = contents.bytes_contents[0].decode()
        return text
    fields = {"BOOL": "bool_contents", "INT32": "int_contents", "FP32": "fp32_contents"}
    value: bool | int | float = getattr(contents, fields[tensor.datatype])[0]
    return value


def _response(*, is_final: bool = False, **outputs: str) -> bytes:
    """Texts go as Triton sends them: raw, with their lengths before them."""
    made = message("ModelStreamInferResponse")
    response = made.infer_response
    response.model_name = "scripted"
    response.parameters.add(key="triton_final_response").value.bool_param = is_final
    for name, text in outputs.items():
        response.outputs.add(name=name, datatype="BYTES", shape=[1])
        data = text.encode()
        response.raw_output_contents.append(struct.pack("<I", len(data)) + data)
    return _bytes(made)


def _bytes(made: Any) -> bytes:  # noqa: ANN401
    data: bytes = made.SerializeToString()
    return data


def _port_in(peer: str) -> int:
    return int(peer.rpartition(":")[2])
