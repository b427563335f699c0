"""Fetches what a URL gives into a file, and posts small bodies."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from typing import IO, Final

import httpcore
from django.conf import settings

from chatbot.outbound.connections import Deadline
from chatbot.outbound.errors import UrlFailed, UrlRefused, UrlTooLarge, UrlUnanswered
from chatbot.outbound.requests import Caller, answered, header
from chatbot.outbound.resolving import Resolve, system_addresses
from chatbot.outbound.urls import Url, follow, read_url

REDIRECTS_LIMIT: Final = 5
CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 15.0
"""The longest silence."""
FETCH_SECONDS: Final = 300.0
SLOW_SECONDS: Final = 30.0
"""From then on a body must have come at `LEAST_BYTES_PER_SECOND`, on average."""
LEAST_BYTES_PER_SECOND: Final = 1024
POST_SECONDS: Final = 15.0
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_RETRY_AFTER_CHARACTERS: Final = 64
_PLAIN: Final = frozenset({"", "identity"})


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was written to the file."""

    sha256: str
    size_bytes: int
    name: str
    """What the server calls it, or else the end of the path; may be empty."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What is known of the answer to a body."""

    status: int
    retry_after: str
    """The header as it came; empty: there is none."""


@dataclass(frozen=True, slots=True)
class Limits:
    max_bytes: int
    connect_seconds: float = CONNECT_SECONDS
    read_seconds: float = READ_SECONDS
    total_seconds: float = FETCH_SECONDS
    slow_seconds: float = SLOW_SECONDS


def fetch_file(
    url: str,
    *,
    to: IO[bytes],
    limits: Limits,
    check: Callable[[], None] = lambda: None,
    resolve: Resolve = system_addresses,
) -> Fetched:
    """Fetches a URL into an open file, following redirects.

    Args:
        url: as somebody has typed it.
        to: an empty file.
        limits: bytes and seconds; the latter for all redirects together.
        check: called before each request and each piece; what it raises ends the fetching.
        resolve: finds addresses of hosts.

    Raises:
        UrlRefused, UrlFailed, UrlTooLarge, UrlUnanswered
    """
    caller = _caller(limits, resolve)
    asked = read_url(url)
    for _ in range(REDIRECTS_LIMIT + 1):
        check()
        with answered(caller, asked, headers={"Accept": "*/*"}) as response:
            if response.status not in _REDIRECTS:
                _check_answer(response, limits)
                sha256, size_bytes = _write(response, to, limits, check)
                return Fetched(sha256, size_bytes, _name(response, asked))
            location = header(response, "location")
        if not location:
            raise UrlFailed("it redirects to nowhere")
        asked = follow(asked, location)
    raise UrlRefused("it redirects too often")


def post_body(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    total_seconds: float = POST_SECONDS,
    resolve: Resolve = system_addresses,
) -> Posted:
    """Posts a body; what is answered is not read, and redirects are answers.

    Raises:
        UrlRefused, UrlFailed, UrlUnanswered
    """
    limits = Limits(max_bytes=0, read_seconds=total_seconds, total_seconds=total_seconds)
    with answered(_caller(limits, resolve), read_url(url), headers=headers, body=body) as response:
        return Posted(response.status, header(response, "retry-after")[:_RETRY_AFTER_CHARACTERS])


def _caller(limits: Limits, resolve: Resolve) -> Caller:
    return Caller(
        private=settings.OUTBOUND_PRIVATE_HOSTS,
        resolve=resolve,
        deadline=Deadline(seconds=limits.total_seconds),
        connect_seconds=limits.connect_seconds,
        read_seconds=limits.read_seconds,
    )


def _check_answer(response: httpcore.Response, limits: Limits) -> None:
    status = response.status
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
        raise UrlUnanswered(f"it says HTTP {status}")
    if status != HTTPStatus.OK:
        raise UrlFailed(f"it says HTTP {status}")
    if header(response, "content-encoding").strip().lower() not in _PLAIN:
        raise UrlFailed("its answer is compressed, which was not asked for")
    length = header(response, "content-length")
    if length.isdecimal() and int(length) > limits.max_bytes:
        raise UrlTooLarge(limits.max_bytes)


def _write(
    response: httpcore.Response, to: IO[bytes], limits: Limits, check: Callable[[], None]
) -> tuple[str, int]:
    """Hash and size of what was written."""
    summed = hashlib.sha256()
    size_bytes = 0
    began = time.monotonic()
    for piece in response.iter_stream():
        check()
        size_bytes += len(piece)
        if size_bytes > limits.max_bytes:
            raise UrlTooLarge(limits.max_bytes)
        elapsed = time.monotonic() - began
        if elapsed > limits.slow_seconds and size_bytes < elapsed * LEAST_BYTES_PER_SECOND:
            raise UrlUnanswered("it sends too slowly")
        summed.update(piece)
        to.write(piece)
    return summed.hexdigest(), size_bytes


def _name(response: httpcore.Response, url: Url) -> str:
    """Of the header Content-Disposition (RFC 6266), or of the path."""
    told = Message()
    told["Content-Disposition"] = header(response, "content-disposition").replace("\x00", "")
    try:
        return told.get_filename() or url.file_name
    except (LookupError, ValueError):
        return url.file_name
