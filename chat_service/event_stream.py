"""What responses of server-sent events have in common."""

from typing import Final

from chat_service.connection import Receive

HEARTBEAT_SECONDS: Final = 15.0
HEARTBEAT: Final = b": still there\n\n"
HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


async def disconnected(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
