"""Connections to model servers: one asynchronous and one synchronous client per process.

The asynchronous client is httpx on aiohttp's transport, which costs a third of httpx's own per
streamed token and, unlike it, keeps its pool when a stream is abandoned at any moment. It belongs
to the event loop that made it: whoever runs the loop closes it with `close_client` at the end.
"""

import asyncio
import atexit
import ssl
import threading
import time
from functools import cache

import httpx
from httpx_aiohttp import AiohttpTransport

from chatbot.inference.connectors.statuses import error_of_transport

MAX_CONNECTIONS = 512
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
_clients: dict[asyncio.AbstractEventLoop, httpx.AsyncClient] = {}


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
        except Exception as error:
            raise httpx.RemoteProtocolError(str(error), request=request) from error


class _SecureTransport(httpx.AsyncBaseTransport):
    """Reads the certificate authorities, 0.1 s, when they are needed, and not on the loop."""

    def __init__(self) -> None:
        self._making = asyncio.Lock()
        self._made: _Transport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with self._making:
            if self._made is None:
                context = await asyncio.to_thread(httpx.create_ssl_context)
                self._made = _Transport(verify=context, limits=_LIMITS)
        return await self._made.handle_async_request(request)

    async def aclose(self) -> None:
        if self._made is not None:
            await self._made.aclose()


def async_client() -> httpx.AsyncClient:
    """The client of the running loop; made at the first call."""
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        without_authorities = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client = _clients[loop] = httpx.AsyncClient(
            transport=_Transport(verify=without_authorities, limits=_LIMITS),
            mounts={"https://": _SecureTransport()},
            timeout=_TIMEOUT,
            follow_redirects=False,
        )
    return client


async def close_client() -> None:
    """Closes the running loop's client and its connections; does nothing if there is none."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()


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


def is_stale(error: httpx.HTTPError, *, seconds: float) -> bool:
    """A kept connection turned out to be closed: worth one more try, on a new one."""
    never_sent = isinstance(error, httpx.ConnectError | httpx.TimeoutException)
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
    except httpx.HTTPError as error:
        raise error_of_transport(error) from error


async def send_async(request: httpx.Request) -> httpx.Response:
    """The same on an event loop."""
    began = time.monotonic()
    try:
        try:
            return await async_client().send(request)
        except httpx.TransportError as error:
            if not is_stale(error, seconds=time.monotonic() - began):
                raise
        return await async_client().send(request)
    except httpx.HTTPError as error:
        raise error_of_transport(error) from error
