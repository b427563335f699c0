"""Ports of the loopback interface: the same ones at each start, as far as they are free.

All are below 32768: those above are handed out by the kernel to whoever connects somewhere.
"""

import socket
from collections.abc import Sequence

import psutil

from chatbot.embedded.errors import StartRefused

_FIRST = 20_000
_LAST = 32_000
_STEP = 10
"""Internal ports per front port, so that stacks on neighbouring front ports don't meet."""


def require_free(host: str, port: int) -> None:
    """Refuses the start, with the reason, if the front door could not listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: connections of a stopped one may linger without being in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError as error:
            raise StartRefused(
                f"Port {port} is reserved for root.",
                way_out="Choose one above 1023: make up PORT=8081",
            ) from error
        except OSError as error:
            raise StartRefused(
                f"Port {port} on {host} can't be used: {_reason(error, port)}.",
                way_out=f"Stop that program, or choose another port: make up PORT={port + 1}",
            ) from error


def internal(front_port: int, names: Sequence[str]) -> dict[str, int]:
    """A free port for each name; nearly always the same ones for the same front port."""
    candidate = _FIRST + (front_port - 8000) * _STEP % (_LAST - _FIRST)
    chosen: dict[str, int] = {}
    for name in names:
        while candidate == front_port or not _is_free(candidate):
            candidate += 1
        chosen[name] = candidate
        candidate += 1
    return chosen


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _reason(error: OSError, port: int) -> str:
    owner = _listener(port)
    return f"{owner} listens there" if owner else error.strerror or str(error)


def _listener(port: int) -> str:
    """Who listens on the port, as far as it may be known."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return ""
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,):
            if connection.pid is None:
                return "another program"
            return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
