"""From a host to the addresses that a connection may go to: all are checked, or none is used."""

import ipaddress
import queue
import re
import socket
import threading
from collections.abc import Callable, Sequence

from chatbot.outbound.addresses import PrivateHosts, is_public
from chatbot.outbound.errors import UrlRefused, UrlUnanswered
from chatbot.outbound.urls import Url

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host, for a port; raises OSError."""


def system_addresses(host: str, port: int) -> list[str]:
    """What the system's resolver says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(answer[4][0]) for answer in found]


def allowed_addresses(
    url: Url, *, private: PrivateHosts, resolve: Resolve, seconds: float
) -> list[str]:
    """The addresses of the URL's host, each of which may be connected to.

    Raises:
        UrlRefused: one of them may not.
        UrlUnanswered: the host is not known now, or nobody says in time.
    """
    try:
        found = _in_time(lambda: resolve(url.host, url.port), seconds=seconds)
    except (OSError, UnicodeError) as error:
        raise UrlUnanswered(f"{url.host} is not found") from error
    addresses = list(dict.fromkeys(found))
    if not addresses:
        raise UrlUnanswered(f"{url.host} is not found")
    for text in addresses:
        _check(url.host, text, private)
    return addresses


def check_literal(url: Url, *, private: PrivateHosts) -> None:
    """Before anything is asked: a host that is an address by number has to be an allowed one.

    Raises:
        UrlRefused: it is not. Of names nothing is known before they are looked up.
    """
    if re.fullmatch(r"[0-9.]+|[0-9a-f.]*:[0-9a-f.:]*", url.host):
        _check(url.host, url.host, private)


def _check(host: str, text: str, private: PrivateHosts) -> None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise UrlRefused("its host has an address that can't be read") from error
    if not is_public(address) and not private.allow(host=host, address=address):
        raise UrlRefused("its host is not on the public internet")


def _in_time(ask: Callable[[], Sequence[str]], *, seconds: float) -> Sequence[str]:
    """The system's resolver knows no time limit: a thread waits for it, and we for the thread."""
    answers: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

    def wait() -> None:
        try:
            answers.put(ask())
        except Exception as error:  # noqa: BLE001 - raised again where somebody waits for it
            answers.put(error)

    threading.Thread(target=wait, name="resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=max(0.0, seconds))
    except queue.Empty as error:
        raise TimeoutError from error
    if isinstance(answer, Exception):
        raise answer
    return answer
