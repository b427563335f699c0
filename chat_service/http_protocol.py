"""What uvicorn makes of each connection: one whose other end may not be silent for long.

A peer that vanished says nothing; one that stopped reading says so, and takes nothing. For both the
kernel would buffer for minutes before anybody noticed. So it ends a connection whose data isn't
taken in time, and asks after one on which nothing is said. The front door is such a peer, too,
where its own client is stuck.
"""

import asyncio
import socket
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TAKEN_MILLISECONDS: Final = 12_000
"""How long data may wait to be taken; nothing is lost, whoever comes back reads on."""
ASK_AFTER_SECONDS: Final = 8
ASK_AGAIN_SECONDS: Final = 5
_OPTIONS: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, ASK_AFTER_SECONDS),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, ASK_AGAIN_SECONDS),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TAKEN_MILLISECONDS),
)


class HttpProtocol(HttpToolsProtocol):
    """A WebSocket begins as one, and keeps its socket."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        connection = transport.get_extra_info("socket")
        if connection.family != socket.AF_UNIX:
            # What uvloop gives makes a socket for every call.
            own = socket.socket(
                connection.family, connection.type, connection.proto, connection.fileno()
            )
            for level, name, value in _OPTIONS:
                own.setsockopt(level, name, value)
            own.detach()
        super().connection_made(transport)
