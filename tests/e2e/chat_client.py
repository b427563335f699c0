"""A chat client made of the `websockets` library, as a user of the API would write it."""

import contextlib
import json
import ssl
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

RECONNECT_SECONDS = 0.3
_TERMINAL = {"turn.completed", "turn.failed", "turn.stopped"}


@dataclass
class Reading:
    """What a reader of one turn knows."""

    turn: str = ""
    seq: int = 0
    text: str = ""
    terminals: list[dict[str, Any]] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0

    def take(self, event: dict[str, Any]) -> None:
        """Applies one frame, as docs/protocols/chat.md says."""
        kind = event["type"]
        if kind == "asked":
            self.turn = event["turn"]
        elif kind == "error":
            self.errors.append(event)
        elif event.get("turn") == self.turn and "seq" in event:
            assert event["seq"] > self.seq, (event, self.seq)
            self.seq = event["seq"]
            self._apply(kind, event)

    def _apply(self, kind: str, event: dict[str, Any]) -> None:
        if kind == "token":
            self.text += event["text"]
        elif kind == "turn.resumed":
            self.text = event["text"]
        elif kind == "sources":
            self.sources = event["sources"]
        elif kind in _TERMINAL:
            self.terminals.append(event)


def open_socket(url: str, token: str) -> ClientConnection:
    address = url.replace("http", "ws", 1) + "/ws/chat"
    headers = {"Authorization": f"Bearer {token}"}
    trust = trusting_all() if address.startswith("wss://") else None
    return connect(address, additional_headers=headers, ssl=trust, open_timeout=5)


def trusting_all() -> ssl.SSLContext:
    """For a stack whose certificate signed itself."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ask(url: str, token: str, conversation: str, text: str, *, seconds: float = 90) -> Reading:
    """Asks, and reads to the end whatever happens to the connection."""
    reading = Reading()
    question = {
        "type": "ask",
        "conversation": conversation,
        "text": text,
        "client_id": uuid.uuid4().hex,
    }
    deadline = time.monotonic() + seconds
    while not reading.terminals and not reading.errors and time.monotonic() < deadline:
        with contextlib.suppress(WebSocketException, OSError):
            _read_once(url, token, reading, question, deadline)
        time.sleep(RECONNECT_SECONDS)
    return reading


def _read_once(
    url: str, token: str, reading: Reading, question: dict[str, str], deadline: float
) -> None:
    with open_socket(url, token) as socket:
        reading.connections += 1
        again = {"type": "subscribe", "turn": reading.turn, "after": reading.seq}
        socket.send(json.dumps(again if reading.turn else question))
        while not reading.terminals and not reading.errors:
            reading.take(json.loads(socket.recv(timeout=max(0.1, deadline - time.monotonic()))))
