"""What requests to every endpoint have in common."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import httpx

from chatbot.inference.connectors.errors import AddressWrong
from chatbot.inference.connectors.protocol import EndpointConfig
from chatbot.inference.connectors.statuses import error_of_status

traceparent: Final[ContextVar[str]] = ContextVar("traceparent", default="")
"""The step of a trace that a request belongs to (W3C Trace Context); empty: there is no trace."""


class Answered(Protocol):
    """The head of a response, whichever library read it."""

    @property
    def status_code(self) -> int: ...

    @property
    def is_success(self) -> bool: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in any case."""
        ...


@dataclass(frozen=True, slots=True)
class Post:
    """A POST of JSON."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


def endpoint_post(
    endpoint: EndpointConfig,
    path: str,
    content: bytes,
    *,
    headers: Mapping[str, str] | None = None,
) -> Post:
    """A request whose answer is streamed; `headers` stand in the place of the bearer token."""
    return Post(f"{endpoint.base_url}/{path}", _sent(endpoint, content, headers), content)


def endpoint_request(
    endpoint: EndpointConfig,
    path: str,
    *,
    timeout: httpx.Timeout,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Request:
    """A POST of JSON, or a GET where there is no content; `path` follows the base address.

    `headers` stand in the place of the bearer token. Raises AddressWrong.
    """
    return httpx.Request(
        "GET" if content is None else "POST",
        url_of(f"{endpoint.base_url}/{path}"),
        headers=_sent(endpoint, content, headers),
        content=content,
        extensions={"timeout": timeout.as_dict()},
    )


def url_of(address: str) -> httpx.URL:
    """Raises AddressWrong."""
    try:
        url = httpx.URL(address)
        # Names of other scripts are looked at when they are asked for.
        _ = url.host
    except (httpx.InvalidURL, UnicodeError) as error:
        raise AddressWrong(f"{type(error).__name__}: {error}") from error
    return url


def server_root(endpoint: EndpointConfig) -> EndpointConfig:
    """Where servers have what isn't part of OpenAI's API."""
    return replace(endpoint, base_url=endpoint.base_url.removesuffix("/v1"))


def raise_unless_success(endpoint: EndpointConfig, response: Answered, body: bytes) -> None:
    """Raises the InferenceError for the status; a server that repeats our key isn't quoted."""
    if response.is_success:
        return
    if endpoint.api_key:
        body = body.replace(endpoint.api_key.encode(), b"***")
    raise error_of_status(response.status_code, body, headers=response.headers)


def _sent(
    endpoint: EndpointConfig, content: bytes | None, headers: Mapping[str, str] | None
) -> dict[str, str]:
    sent = {"accept-encoding": "identity", **(headers or {})}
    if content is not None:
        sent["content-type"] = "application/json"
    if endpoint.api_key and headers is None:
        sent["authorization"] = f"Bearer {endpoint.api_key}"
    if own := traceparent.get():
        sent["traceparent"] = own
    return sent
