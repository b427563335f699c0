"""Connections to model servers: for each event loop of the process, and for its threads together.

Streamed answers are read from aiohttp itself; all else goes through httpx, where there is a loop on
aiohttp's transport. Connections belong to the loop that made them: whoever runs it closes them with
`close_client` at the end.
"""

import asyncio
import atexit
import ssl
import threading
import time
from functools import cache

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from chatbot.inference.connectors.errors import AddressWrong
from chatbot.inference.connectors.gathering import Gathering
from chatbot.inference.connectors.statuses import error_of_transport

MAX_CONNECTIONS = 1024
"""Above the sum of all endpoints' concurrency, which admission holds."""
KEEPALIVE_SECONDS = 15.0
CONNECT_SECONDS = 2.0
WRITE_SECONDS = 10.0
READ_SECONDS = 60.0
"""Between two reads, where the caller doesn't say otherwise."""
STALE_SECONDS = 1.0
"""A connection that the server had closed long ago fails at once; later it's the server failing."""

_TIMEOUT = httpx.Timeout(
    READ_SECONDS, connect=CONNECT_SECONDS, write=WRITE_SECONDS, pool=CONNECT_SECONDS
)
_LIMITS = httpx.Limits(
    max_connections=MAX_CONNECTIONS,
    max_keepalive_connections=MAX_CONNECTIONS,
    keepalive_expiry=KEEPALIVE_SECONDS,
)


class Authorities:
    """Certificate authorities; read, 0.1 s, when they are needed, and not on the loop."""

    def __init__(self, *protocols: str) -> None:
        """`protocols` are offered to the server (ALPN); none: nothing is."""
        self._protocols = protocols
        self._context: ssl.SSLContext | None = None
        self._reading = asyncio.Lock()

    async def context(self) -> ssl.SSLContext:
        async with self._reading:
            if self._context is None:
                self._context = await asyncio.to_thread(httpx.create_ssl_context)
                if self._protocols:
                    self._context.set_alpn_protocols(self._protocols)
            return self._context


class Connections:
    """Those of one event loop."""

    def __init__(self) -> None:
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=MAX_CONNECTIONS, keepalive_timeout=KEEPALIVE_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        self.gathering = Gathering()
        self.client = httpx.AsyncClient(
            transport=_Transport(
                verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), client=self.session
            ),
            mounts={"https://": _SecureTransport(self)},
            timeout=_TIMEOUT,
            follow_redirects=False,
        )
        self.authorities = Authorities()

    async def close(self) -> None:
        await self.client.aclose()
        await self.session.close()


class _Transport(AiohttpTransport):
    """Raises the errors that httpx's own transport would; the mapping has holes."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except httpx.ConnectTimeout as error:
            if isinstance(error.__cause__, TimeoutError):
                raise
            # The server hung up before it answered.
            raise httpx.RemoteProtocolError(str(error), request=request) from error
        except httpx.HTTPError:
            raise
        except UnicodeError as error:  # a name that can't be looked up
            raise httpx.UnsupportedProtocol(str(error), request=request) from error
        except Exception as error:
            raise httpx.RemoteProtocolError(str(error), request=request) from error


class _SecureTransport(httpx.AsyncBaseTransport):
    """Made at the first request: it takes the certificate authorities."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._made: _Transport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        authorities = await self._connections.authorities.context()
        if self._made is None:
            self._made = _Transport(verify=authorities, limits=_LIMITS)
        return await self._made.handle_async_request(request)

    async def aclose(self) -> None:
        if self._made is not None:
            await self._made.aclose()


_connections: dict[asyncio.AbstractEventLoop, Connections] = {}


def connections() -> Connections:
    """Those of the running loop; made at the first call."""
    loop = asyncio.get_running_loop()
    made = _connections.get(loop)
    if made is None:
        made = _connections[loop] = Connections()
    return made


async def close_client() -> None:
    """Closes the running loop's connections; does nothing if there are none."""
    made = _connections.pop(asyncio.get_running_loop(), None)
    if made is not None:
        await made.close()


_making = threading.Lock()


def sync_client() -> httpx.Client:
    """The client that the threads of this process share."""
    with _making:
        return _made_sync_client()


@cache
def _made_sync_client() -> httpx.Client:
    # A transport of its own: certificates of the environment count, its HTTP proxies don't.
    client = httpx.Client(
        transport=httpx.HTTPTransport(limits=_LIMITS), timeout=_TIMEOUT, follow_redirects=False
    )
    atexit.register(client.close)
    return client


def is_stale(error: Exception, *, seconds: float) -> bool:
    """A kept connection turned out to be closed: worth one more try, on a new one."""
    never_sent = isinstance(
        error,
        httpx.ConnectError | httpx.TimeoutException | aiohttp.ClientConnectorError | TimeoutError,
    )
    return seconds < STALE_SECONDS and not never_sent


def send(request: httpx.Request) -> httpx.Response:
    """The whole response, whatever its status.

    Raises:
        InferenceError: there is none.
    """
    began = time.monotonic()
    try:
        try:
            return sync_client().send(request)
        except httpx.TransportError as error:
            if not is_stale(error, seconds=time.monotonic() - began):
                raise
        return sync_client().send(request)
    except UnicodeError as error:  # a name that can't be looked up
        raise AddressWrong(str(error)) from error
    except httpx.HTTPError as error:
        raise error_of_transport(error) from error


async def send_async(request: httpx.Request) -> httpx.Response:
    """The same on an event loop."""
    began, client = time.monotonic(), connections().client
    try:
        try:
            return await client.send(request)
        except httpx.TransportError as error:
            if not is_stale(error, seconds=time.monotonic() - began):
                raise
        return await client.send(request)
    except httpx.HTTPError as error:
        raise error_of_transport(error) from error
