"""One request and its answer, without redirects, cookies, credentials, proxies or compression."""

import contextlib
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpcore

from chatbot.outbound.addresses import PrivateHosts
from chatbot.outbound.connections import (
    CertificateRefused,
    CheckedBackend,
    Deadline,
    trusted_authorities,
)
from chatbot.outbound.errors import UrlFailed, UrlUnanswered
from chatbot.outbound.resolving import Resolve, allowed_addresses
from chatbot.outbound.urls import Url

HEADERS_LIMIT: Final = 64
"""Of an answer. Their bytes are bounded by httpcore, at 100 KiB."""
_USER_AGENT: Final = "Brainstem"


@dataclass(frozen=True, slots=True)
class Caller:
    """How requests go out: how long they may take, and where they may go."""

    private: PrivateHosts
    resolve: Resolve
    deadline: Deadline
    connect_seconds: float
    read_seconds: float


@contextlib.contextmanager
def answered(
    caller: Caller, url: Url, *, headers: Mapping[str, str], body: bytes | None = None
) -> Iterator[httpcore.Response]:
    """Asks (with a body: POST), and gives the answer, whose content is still to be read.

    Raises:
        UrlRefused, UrlUnanswered, UrlFailed: also in the block, while the content is read.
    """
    addresses = allowed_addresses(
        url, private=caller.private, resolve=caller.resolve, seconds=_connect_seconds(caller)
    )
    steps = dict.fromkeys(("read", "write", "pool"), caller.read_seconds)
    all_headers = {
        "Host": url.netloc,
        "User-Agent": _USER_AGENT,
        "Accept-Encoding": "identity",
        "Connection": "close",
        **headers,
    }
    if body is not None:
        all_headers["Content-Length"] = str(len(body))
    backend = CheckedBackend(addresses, caller.deadline)
    with (
        _told_apart(url),
        httpcore.ConnectionPool(ssl_context=trusted_authorities(), network_backend=backend) as pool,
        pool.stream(
            "GET" if body is None else "POST",
            httpcore.URL(
                scheme=url.scheme.encode(),
                host=url.host.encode(),
                port=url.port,
                target=url.target.encode(),
            ),
            headers=list(all_headers.items()),
            content=body,
            extensions={"timeout": {"connect": caller.connect_seconds, **steps}},
        ) as response,
    ):
        if len(response.headers) > HEADERS_LIMIT:
            raise UrlFailed("its answer has too many headers")
        yield response


def header(response: httpcore.Response, name: str) -> str:
    """The first header of that name; empty: there is none."""
    wanted = name.lower().encode()
    found = next((value for key, value in response.headers if key.lower() == wanted), b"")
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError:
        return found.decode("latin-1")


def _connect_seconds(caller: Caller) -> float:
    try:
        return caller.deadline.cut(caller.connect_seconds)
    except httpcore.TimeoutException as error:
        raise UrlUnanswered("it took too long") from error


@contextlib.contextmanager
def _told_apart(url: Url) -> Iterator[None]:
    """The errors of the library as ours."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise UrlUnanswered(f"{url.host} took too long") from error
    except CertificateRefused as error:
        raise UrlFailed(f"the certificate of {url.host} is not valid") from error
    except httpcore.ConnectError as error:
        raise UrlUnanswered(f"{url.host} can't be reached") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
        raise UrlUnanswered(f"{url.host} broke off") from error
