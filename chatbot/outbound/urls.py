"""Reads a URL strictly: what two programs could read differently is refused.

Hosts of digits only (`2130706433`, `0x7f.1`, `127.1`) are one address to some resolvers and another
to others; only the usual four decimal numbers are taken. Ports: 80, 443, and those from 1024 on,
because services that do harm when they are sent HTTP (mail, remote shells) listen below.
"""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote, unquote, urljoin, urlsplit

from chatbot.outbound.errors import UrlRefused

LONGEST_URL: Final = 2000
"""Characters."""
PORTS: Final = {"http": 80, "https": 443}
_FIRST_FREE_PORT: Final = 1024
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER: Final = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)
_LONGEST_HOST: Final = 253
_SAFE: Final = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Url:
    """An address that has the right form; whether its host may be asked is another question."""

    scheme: str
    host: str
    """In lower case and ASCII; an IPv6 address without brackets."""
    port: int
    target: str
    """Path and query, in ASCII."""

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def file_name(self) -> str:
        """The last part of the path, whatever characters it has; empty for the root."""
        return unquote(PurePosixPath(self.target.partition("?")[0]).name)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.target}"


def read_url(text: str) -> Url:
    """The parts of a URL that somebody has typed; the part of a page that it names is left out.

    Raises:
        UrlRefused: it is none that we fetch; the sentence says why.
    """
    text = text.strip(" ")
    if len(text) > LONGEST_URL:
        raise UrlRefused("it is too long")
    if not text.isprintable() or " " in text or "\\" in text:
        raise UrlRefused("it has characters that no address has")
    try:
        parts = urlsplit(without_fragment(text))
        port = parts.port
    except ValueError as error:
        raise UrlRefused("it can't be read") from error
    if parts.scheme not in PORTS:
        raise UrlRefused("it begins with neither https:// nor http://")
    if "@" in parts.netloc:
        raise UrlRefused("it holds a name or a password")
    port = PORTS[parts.scheme] if port is None else port
    if port not in PORTS.values() and port < _FIRST_FREE_PORT:
        raise UrlRefused("its port is none of 80, 443 and those from 1024 on")
    query = f"?{quote(parts.query, safe=_SAFE + '?')}" if parts.query else ""
    target = quote(parts.path or "/", safe=_SAFE) + query
    return Url(parts.scheme, _host(parts.hostname or ""), port, target)


def without_fragment(text: str) -> str:
    """A URL without the part of a page that it names (`#section`), which no server is told."""
    return text.strip(" ").partition("#")[0]


def follow(url: Url, location: str) -> Url:
    """Where a redirect leads.

    Raises:
        UrlRefused: nowhere that we go.
    """
    try:
        joined = urljoin(str(url), location.strip().replace(" ", "%20"))
    except ValueError as error:
        raise UrlRefused("it leads to an address that can't be read") from error
    found = read_url(joined)
    if url.scheme == "https" and found.scheme == "http":
        raise UrlRefused("it leads from https:// to http://")
    return found


def _host(host: str) -> str:
    if ":" in host:
        return _ipv6(host)
    name = host.removesuffix(".")
    if not name.isascii():
        name = _in_ascii(name)
        if _is_number(name):
            raise UrlRefused("its host is a number in an unusual form")
    if _is_number(name):
        return _ipv4(name)
    if len(name) > _LONGEST_HOST or not all(map(_LABEL.fullmatch, name.split("."))):
        raise UrlRefused("its host is no name")
    return name


def _is_number(name: str) -> bool:
    """Whether its end is a number: no such name is in the DNS, but resolvers take it for an IP."""
    return _NUMBER.fullmatch(name.rpartition(".")[2]) is not None


def _ipv4(host: str) -> str:
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError as error:
        raise UrlRefused("its host is a number in an unusual form") from error


def _ipv6(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError as error:
        raise UrlRefused("its host can't be read") from error
    if address.scope_id is not None:
        raise UrlRefused("its host names a network interface")
    return str(address)


def _in_ascii(name: str) -> str:
    # Only where it is used: the OCR worker, which imports this, fetches nothing.
    import idna  # noqa: PLC0415

    try:
        return idna.encode(name, uts46=True, std3_rules=True).decode("ascii").removesuffix(".")
    except (idna.IDNAError, UnicodeError) as error:
        raise UrlRefused("its host is no name") from error
