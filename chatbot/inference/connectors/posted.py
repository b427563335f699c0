"""Streamed responses over HTTP/1.1, read from aiohttp."""

import asyncio
from collections.abc import Mapping
from typing import Final, cast

import aiohttp

from chatbot.inference.connectors.errors import AddressWrong, ServerGone
from chatbot.inference.connectors.requests import Post
from chatbot.inference.connectors.transport import connections, is_stale

_OK: Final = 200
_REDIRECTS: Final = 300
_NO_ADDRESS: Final = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, UnicodeError)
"""The last of a name that can't be looked up."""
_BROKEN: Final = (aiohttp.ClientError, OSError, TimeoutError)
NO_TRAILERS: Final[Mapping[str, str]] = {}


class PostedResponse:
    """Implements `Streamed`. Waiting for bytes has no limit here."""

    trailers = NO_TRAILERS

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status_code = response.status
        self.is_success = _OK <= response.status < _REDIRECTS
        self.headers: Mapping[str, str] = response.headers

    async def read(self) -> bytes:
        try:
            return await self._response.content.readany()
        except _BROKEN as error:
            raise _gone(error) from error

    def pause(self) -> None:
        if (transport := self._transport()) is not None:
            transport.pause_reading()

    def resume(self) -> None:
        if (transport := self._transport()) is not None:
            transport.resume_reading()

    async def aclose(self) -> None:
        self._response.close()

    def _transport(self) -> asyncio.ReadTransport | None:
        """None: the response has been read, or was closed."""
        connection = self._response.connection
        transport = connection.transport if connection is not None else None
        return cast("asyncio.ReadTransport | None", transport)


async def posted(post: Post, *, connect_seconds: float) -> PostedResponse:
    """Sends the request; returns when the head of the response is there.

    Raises:
        AddressWrong: there is nowhere to send it.
        ServerGone: there is none.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        try:
            return await _posted_once(post, connect_seconds)
        except _BROKEN as error:
            if not is_stale(error, seconds=loop.time() - began):
                raise
        return await _posted_once(post, connect_seconds)
    except _NO_ADDRESS as error:
        raise AddressWrong(f"{type(error).__name__}: {error}") from error
    except (*_BROKEN, ValueError) as error:
        # What can't be put into a header, for one.
        raise _gone(error) from error


async def _posted_once(post: Post, connect_seconds: float) -> PostedResponse:
    own = connections()
    is_secure = post.url.startswith("https:")
    response = await own.session.post(
        post.url,
        data=post.content,
        headers=post.headers,
        allow_redirects=False,
        timeout=aiohttp.ClientTimeout(connect=connect_seconds, sock_connect=connect_seconds),
        ssl=await own.authorities.context() if is_secure else True,
    )
    return PostedResponse(response)


def _gone(error: Exception) -> ServerGone:
    return ServerGone(f"{type(error).__name__}: {error}")
