"""One person's view of one answer, over any number of connections to any replica."""

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson
from chat_rig import Seat

if TYPE_CHECKING:
    from tests.chat_service.processes import ChatProcess

QUESTION: Final = "What does the brainstem do?"
PATIENCE_SECONDS: Final = 60.0
ENDS: Final = frozenset({"turn.completed", "turn.failed", "turn.stopped"})


class Reader:
    """Follows the three rules of docs/protocols/chat.md; `error` says where they didn't suffice."""

    def __init__(self, session: aiohttp.ClientSession, seat: Seat) -> None:
        self.seat = seat
        self.turn = ""
        self.answer = ""
        """Id of the stored message."""
        self.seq = 0
        self.text = ""
        self.ended = ""
        """Type of the terminal event."""
        self.error = ""
        self.tokens = 0
        self.heard_at = 0.0
        self.longest_gap = 0.0
        self._session = session
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    @property
    def is_over(self) -> bool:
        return bool(self.ended or self.error)

    async def connect(self, chat: "ChatProcess") -> None:
        """A new connection; the old one is dropped without a word."""
        self.drop()
        headers = {"Authorization": f"Bearer {self.seat.token}"}
        address = f"{chat.http}/ws/chat"
        self._socket = await self._session.ws_connect(address, headers=headers, compress=0)
        await self._socket.receive()

    def drop(self) -> None:
        """The network goes: no closing handshake."""
        socket, self._socket = self._socket, None
        if socket is not None and (transport := socket._response.connection) is not None:
            transport.close()

    async def ask(self, text: str = QUESTION) -> None:
        await self.send(
            type="ask", conversation=self.seat.conversation, text=text, client_id=str(uuid.uuid4())
        )
        self.heard_at = time.monotonic()

    async def resume(self) -> None:
        await self.send(type="subscribe", turn=self.turn, after=self.seq)

    async def stop(self) -> None:
        await self.send(type="stop", turn=self.turn)

    async def send(self, **frame: object) -> None:
        await self._open_socket().send_str(orjson.dumps(frame).decode())

    async def read(self, until: Callable[[], bool] = lambda: False) -> None:
        """Reads events until something is true, the answer ends, or the connection does."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (self.is_over or until()):
                message = await self._open_socket().receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return
                self._apply(orjson.loads(message.data))

    async def read_on(self, chats: "Callable[[], list[ChatProcess]]") -> None:
        """Reads to the end, on whatever replica takes the connection."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.is_over and time.monotonic() < deadline:
            try:
                await self.read()
                if not self.is_over:
                    chat = chats()[int(time.monotonic() * 1000) % len(chats())]
                    await self.connect(chat)
                    await self.resume()
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(0.1)
        if not self.ended:
            self.error = self.error or "did not end"

    def _open_socket(self) -> aiohttp.ClientWebSocketResponse:
        if self._socket is None:
            raise aiohttp.ClientConnectionError("not connected")
        return self._socket

    def _apply(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "asked":
            self.turn, self.answer = event["turn"], event["answer"]
        elif kind == "error":
            self.error = f"{event['code']}: {event['sentence']}"
        elif event.get("turn") == self.turn and "seq" in event:
            self._apply_numbered(event)

    def _apply_numbered(self, event: dict[str, Any]) -> None:
        now = time.monotonic()
        self.longest_gap = max(self.longest_gap, now - self.heard_at)
        self.heard_at = now
        kind, seq = event["type"], event["seq"]
        if seq <= self.seq:
            return
        if kind == "turn.resumed":
            self.text = event["text"]
        elif seq != self.seq + 1:
            self.error = f"event {seq} came after {self.seq}"
        elif kind == "token":
            self.tokens += 1
            self.text += event["text"]
        self.seq = seq
        self.ended = kind if kind in ENDS else ""
