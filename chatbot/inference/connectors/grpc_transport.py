"""Calls of gRPC for httpx: every call has a connection of its own, which ends with it.

So a call that is left at any moment leaves nothing behind, none waits behind another one's bytes,
and a balancer in front of several servers sees calls. The status of a call is in the response's
extension `trailers`, which fills at its end.

This is the only module that loads h2.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import httpx

from chatbot.inference.connectors.errors import MalformedAnswer, ServerBusy
from chatbot.inference.connectors.transport import Authorities

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hpack.struct import Header
    from hyperframe.frame import Frame, GoAwayFrame

CHUNK_BYTES: Final = 64 * 1024
HEADER_BYTES_LIMIT: Final = 64 * 1024
FRAME_BYTES_LIMIT: Final = 1024 * 1024
GREETING_BYTES: Final = 4
_SETTINGS: Final = 4
"""The kind of frame that a server begins with; it stands in the fourth byte."""
_STREAM: Final = 1
"""The first of a connection, and the only one."""
_NOT_IN_HTTP2: Final = frozenset({"host", "connection", "content-length", "transfer-encoding"})
_BUSY: Final = frozenset(
    {h2.errors.ErrorCodes.REFUSED_STREAM, h2.errors.ErrorCodes.ENHANCE_YOUR_CALM}
)
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()


def grpc_client() -> httpx.AsyncClient:
    """The client of the running loop. It keeps no connections, so nobody has to close it."""
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = httpx.AsyncClient(transport=_Transport(), trust_env=False)
    return _clients[loop]


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self) -> None:
        self._authorities = Authorities("h2")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = await self._connected(request)
        try:
            await call.send(request)
            status, headers = await call.head()
        except BaseException:
            await call.aclose()
            raise
        return httpx.Response(
            status, headers=headers, stream=call, extensions={"trailers": call.trailers}
        )

    async def _connected(self, request: httpx.Request) -> "_Call":
        url = request.url
        tls = await self._authorities.context() if url.scheme == "https" else None
        port = url.port or (443 if tls else 80)
        try:
            async with asyncio.timeout(request.extensions["timeout"]["connect"]):
                return _Call(*await asyncio.open_connection(url.host, port, ssl=tls))
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time") from error
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error
        except UnicodeError as error:  # a name that can't be looked up
            raise httpx.UnsupportedProtocol(str(error)) from error


class _Connection(h2.connection.H2Connection):
    """Goes on with its call when the server wants no further ones; h2 takes that for the end."""

    def _receive_goaway_frame(
        self, frame: "GoAwayFrame"
    ) -> "tuple[list[Frame], list[h2.events.Event]]":
        if frame.error_code == h2.errors.ErrorCodes.NO_ERROR and frame.last_stream_id >= _STREAM:
            return [], []
        return super()._receive_goaway_frame(frame)


class _Call(httpx.AsyncByteStream):
    """One call on its connection; as a stream, the bytes of its messages."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._h2 = _Connection(h2.config.H2Configuration(client_side=True, header_encoding=None))
        self._head: list[tuple[str, str]] | None = None
        self._data: list[bytes] = []
        self._greeting = b""
        self._unread_bytes = 0
        self._is_ended = False
        self._fault: Exception | None = None
        self.trailers: dict[str, str] = {}

    async def send(self, request: httpx.Request) -> None:
        """The whole request: nothing else is said afterwards."""
        self._h2.local_settings = h2.settings.Settings(
            client=True,
            initial_values={
                h2.settings.SettingCodes.ENABLE_PUSH: 0,
                h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: HEADER_BYTES_LIMIT,
            },
        )
        self._h2.initiate_connection()
        self._h2.send_headers(_STREAM, list(_headers_of(request)))
        rest = memoryview(request.content)
        while rest and not self._is_ended:
            room = min(
                self._h2.local_flow_control_window(_STREAM), self._h2.max_outbound_frame_size
            )
            if room <= 0:
                await self._flush()
                await self._receive()
                continue
            self._h2.send_data(_STREAM, bytes(rest[:room]), end_stream=room >= len(rest))
            rest = rest[room:]
        await self._flush()

    async def head(self) -> tuple[int, list[tuple[str, str]]]:
        """Status and headers of the response."""
        while self._head is None:
            await self._receive()
        said = dict(self._head)
        try:
            status = int(said[":status"])
        except (KeyError, ValueError) as error:
            raise MalformedAnswer("the response has no status") from error
        return status, [one for one in self._head if not one[0].startswith(":")]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            if self._data:
                data, self._data = b"".join(self._data), []
                yield data
            elif self._is_ended:
                return
            else:
                await self._receive()

    async def aclose(self) -> None:
        """At any moment, also while somebody reads; the server sees it at once."""
        self._writer.transport.abort()

    async def _receive(self) -> None:
        """Raises httpx.HTTPError or InferenceError; what came before it was given first."""
        if self._fault is not None:
            raise self._fault
        try:
            data = await self._reader.read(CHUNK_BYTES)
        except OSError as error:
            raise httpx.ReadError(str(error)) from error
        if not data:
            raise httpx.RemoteProtocolError("the connection ended before the call did")
        self._greeting += data[: GREETING_BYTES - len(self._greeting)]
        if len(self._greeting) == GREETING_BYTES and self._greeting[-1] != _SETTINGS:
            raise MalformedAnswer("the server doesn't speak HTTP/2")
        try:
            events = self._h2.receive_data(data)
        except h2.exceptions.H2Error as error:
            raise MalformedAnswer(f"{type(error).__name__}: {error}") from error
        # h2 waits for whole frames, however long they say that they are.
        self._unread_bytes = 0 if events else self._unread_bytes + len(data)
        if self._unread_bytes > FRAME_BYTES_LIMIT:
            raise MalformedAnswer(f"a frame of more than {FRAME_BYTES_LIMIT} bytes")
        for event in events:
            self._take(event)
        await self._flush()

    async def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._writer.write(data)
            with contextlib.suppress(OSError):  # what the server said before is still to be read
                await self._writer.drain()

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.DataReceived):
            if event.data:
                self._data.append(event.data)
            self._h2.acknowledge_received_data(event.flow_controlled_length, _STREAM)
        elif isinstance(event, h2.events.ResponseReceived):
            self._head = list(_decoded(event.headers))
            self.trailers.update(self._head)
        elif isinstance(event, h2.events.TrailersReceived):
            self.trailers.update(_decoded(event.headers))
        else:
            self._take_end(event)

    def _take_end(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.StreamEnded):
            self._is_ended = True
        elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
            self._fault = _fault_of(event.error_code)


def _fault_of(code: int | None) -> Exception:
    if code in _BUSY:
        return ServerBusy(f"HTTP/2 error {code}")
    return httpx.RemoteProtocolError(f"the server ended the call: HTTP/2 error {code}")


def _headers_of(request: httpx.Request) -> Iterator[tuple[str, str]]:
    yield ":method", "POST"
    yield ":scheme", request.url.scheme
    yield ":authority", request.headers["host"]
    yield ":path", request.url.raw_path.decode()
    for name, value in request.headers.items():
        if name not in _NOT_IN_HTTP2:
            yield name, value


def _decoded(headers: "Iterable[Header]") -> Iterator[tuple[str, str]]:
    for name, value in headers:
        yield _text(name), _text(value)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")
