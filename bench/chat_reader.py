"""One person's view of one answer, over any number of connections to any replica.

Over the chat socket, over server-sent events, or over the OpenAI-compatible door. All follow the
rules of docs/protocols; `error` says where they didn't suffice.
"""

import asyncio
import contextlib
import socket
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson
from chat_rig import QUESTION, Rig, Seat

if TYPE_CHECKING:
    from tests.chat_service.processes import ChatProcess

PATIENCE_SECONDS: Final = 120.0
COMPLETED: Final = "turn.completed"
LEFT_SECONDS: Final = 25.0
"""Longer than the lease of a place, and than an idle connection is kept."""
ENDS: Final = frozenset({COMPLETED, "turn.failed", "turn.stopped"})


class Reader(ABC):
    """What is the same over all doors."""

    def __init__(self, session: aiohttp.ClientSession, rig: Rig, seat: Seat) -> None:
        self.seat = seat
        self.turn = ""
        self.seq = 0
        self.text = ""
        self.ended = ""
        """Type of the terminal event."""
        self.error = ""
        self.refusal: dict[str, Any] = {}
        """Why nothing was asked: `code`, and `retry_after_seconds` where there is one."""
        self.positions: list[int] = []
        self.tokens = 0
        self.asked_at = 0.0
        self.first_at = 0.0
        self.heard_at = 0.0
        self.longest_gap = 0.0
        self.between: list[tuple[float, float]] = []
        """When each token but the first came, and how long after the one before."""
        self._session = session
        self._rig = rig
        self._headers = {"Authorization": f"Bearer {seat.token}"}

    @property
    def is_over(self) -> bool:
        return bool(self.ended or self.error or self.refusal)

    @property
    @abstractmethod
    def transport(self) -> asyncio.Transport | None:
        """Of the connection, where there is one."""

    @property
    def port(self) -> int:
        """What the server knows this connection by; 0: there is none."""
        name = self.transport.get_extra_info("sockname") if self.transport else None
        return name[1] if name else 0

    @abstractmethod
    async def connect(self, chat: "ChatProcess") -> None:
        """A new connection; the old one is dropped without a word."""

    @abstractmethod
    async def ask(self, text: str = QUESTION) -> None:
        """Asks, and follows the answer."""

    @abstractmethod
    async def resume(self) -> None:
        """Follows the answer from the last event seen."""

    @abstractmethod
    async def _receive(self) -> list[dict[str, Any]] | None:
        """The next events; None: the connection has ended."""

    def drop(self) -> None:
        """The network goes: no closing handshake."""
        if self.transport is not None:
            self.transport.abort()

    async def read(self, until: Callable[[], bool] = lambda: False) -> None:
        """Reads events until something is true, the answer ends, or the connection does."""
        while not (self.is_over or until()):
            async with asyncio.timeout(PATIENCE_SECONDS):
                events = await self._receive()
            if events is None:
                return
            for event in events:
                self._apply(event)

    async def read_on(self, chats: "Callable[[], list[ChatProcess]]") -> None:
        """Reads to the end, on whatever replica takes the connection."""
        while time.monotonic() < self.heard_at + PATIENCE_SECONDS:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                await self.read()
            if self.is_over:
                return
            try:
                await self.connect(chats()[int(time.monotonic() * 1000) % len(chats())])
                await self.resume()
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(0.1)
        self.error = "did not end"

    def _begin(self) -> None:
        self.asked_at = self.heard_at = time.monotonic()

    def _apply(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "asked":
            self.turn = event["turn"]
        elif kind == "error" and not self.turn:
            self.refusal = event
        elif kind == "error":
            self.error = str(event)
        elif event.get("turn") == self.turn and "seq" in event:
            self._apply_numbered(event)

    def _apply_numbered(self, event: dict[str, Any]) -> None:
        now = time.monotonic()
        kind, seq = event["type"], event["seq"]
        if seq <= self.seq:
            return
        self.longest_gap = max(self.longest_gap, now - self.heard_at)
        if kind == "turn.resumed":
            self.text = event["text"]
        elif self._is_gap(seq):
            self.error = f"event {seq} came after {self.seq}"
        elif kind == "token":
            self._hear(event["text"], now)
        elif kind == "turn.queued":
            self.positions.append(event["position"])
        self.seq, self.heard_at = seq, now
        self.ended = kind if kind in ENDS else ""

    def _hear(self, text: str, now: float) -> None:
        if self.tokens:
            self.between.append((now, now - self.heard_at))
        else:
            self.first_at = now
        self.tokens += 1
        self.text += text

    def _is_gap(self, seq: int) -> bool:
        return seq != self.seq + 1


class SocketReader(Reader):
    """Over the chat socket."""

    _socket: aiohttp.ClientWebSocketResponse | None = None

    @property
    def transport(self) -> asyncio.Transport | None:
        connection = self._socket._response.connection if self._socket else None
        return connection.transport if connection else None

    async def connect(self, chat: "ChatProcess") -> None:
        self.drop()
        address = f"{chat.http}/ws/chat"
        self._socket = await self._session.ws_connect(address, headers=self._headers, compress=0)
        await self._socket.receive()

    def drop(self) -> None:
        super().drop()
        self._socket = None

    async def ask(self, text: str = QUESTION) -> None:
        self._begin()
        await self._send(
            type="ask",
            conversation=self.seat.conversation,
            parent=None,
            text=text,
            client_id=str(uuid.uuid4()),
        )

    async def resume(self) -> None:
        await self._send(type="subscribe", turn=self.turn, after=self.seq)

    async def stop(self) -> None:
        await self._send(type="stop", turn=self.turn)

    async def _send(self, **frame: object) -> None:
        await self._open_socket().send_str(orjson.dumps(frame).decode())

    async def _receive(self) -> list[dict[str, Any]] | None:
        message = await self._open_socket().receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            return None
        return [orjson.loads(message.data)]

    def _open_socket(self) -> aiohttp.ClientWebSocketResponse:
        if self._socket is None:
            raise aiohttp.ClientConnectionError("not connected")
        return self._socket


class StreamReader(Reader):
    """Over a response of server-sent events."""

    _chat: "ChatProcess"
    _response: aiohttp.ClientResponse | None = None
    _events: "AsyncIterator[tuple[int, dict[str, Any]]]"

    @property
    def transport(self) -> asyncio.Transport | None:
        connection = self._response.connection if self._response else None
        return connection.transport if connection else None

    async def connect(self, chat: "ChatProcess") -> None:
        """There is a connection for each request, not before."""
        self.drop()
        self._chat = chat

    def drop(self) -> None:
        super().drop()
        self._response = None

    async def _request(self, method: str, path: str, *, body: object = None) -> None:
        data = None if body is None else orjson.dumps(body)
        response = await self._session.request(
            method, self._chat.http + path, data=data, headers=self._headers
        )
        if response.status == 200:
            self._response, self._events = response, server_sent(response)
        elif response.status >= 500:
            response.raise_for_status()
        else:
            self._refused(response, await response.read())

    def _refused(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        told = orjson.loads(body or b"{}")
        self.refusal = {"code": told.get("error", told).get("code", response.status)}
        if "Retry-After" in response.headers:
            self.refusal["retry_after_seconds"] = int(response.headers["Retry-After"])

    async def _receive(self) -> list[dict[str, Any]] | None:
        if self._response is None:
            raise aiohttp.ClientConnectionError("not connected")
        async for seq, event in self._events:
            return self._translated(seq, event)
        return None

    def _translated(self, _seq: int, event: dict[str, Any]) -> list[dict[str, Any]]:
        return [event]


class EventReader(StreamReader):
    """Asks as the REST API does, and reads over `/stream/turns`."""

    async def ask(self, text: str = QUESTION) -> None:
        self._begin()
        asked = await asyncio.to_thread(self._rig.ask, self.seat, text)
        self.turn = str(asked.turn_id)
        await self.resume()

    async def resume(self) -> None:
        await self._request("GET", f"/stream/turns/{self.turn}?after={self.seq}")


class CompletionReader(StreamReader):
    """Over the OpenAI-compatible door."""

    _PATH = "/v1/chat/completions"
    _id = ""

    async def ask(self, text: str = QUESTION) -> None:
        self._begin()
        messages = [{"role": "user", "content": text}]
        body = {"model": "Scripted", "messages": messages, "stream": True}
        await self._request("POST", self._PATH, body=body)

    async def resume(self) -> None:
        path = f"{self._PATH}/{self._id}?stream=true&starting_after={self.seq}"
        await self._request("GET", path)

    def _translated(self, seq: int, event: dict[str, Any]) -> list[dict[str, Any]]:
        """The chunk as the events that it was made from."""
        if "error" in event:
            return [{"type": "error", **event["error"]}]
        self._id = event["id"]
        self.turn = str(uuid.UUID(self._id.removeprefix("chatcmpl-")))
        events = []
        for choice in event["choices"]:
            if event.get("resumed"):
                events.append({"type": "turn.resumed", "text": choice["delta"]["content"]})
            elif text := choice["delta"].get("content"):
                events.append({"type": "token", "text": text})
            if choice["finish_reason"]:
                is_stopped = choice["finish_reason"] == "stopped"
                events.append({"type": "turn.stopped" if is_stopped else COMPLETED})
        return [{"turn": self.turn, "seq": seq, **one} for one in events]

    def _is_gap(self, seq: int) -> bool:
        """What isn't a chunk has a number, too."""
        return seq < self.seq


DOORS: Final[dict[str, type[Reader]]] = {
    "websocket": SocketReader,
    "sse": EventReader,
    "openai": CompletionReader,
}


async def server_sent(
    response: aiohttp.ClientResponse,
) -> AsyncIterator[tuple[int, dict[str, Any]]]:
    """Number (0: none) and JSON of every event, however long."""
    rest = b""
    async for data in response.content.iter_any():
        *blocks, rest = (rest + data).split(b"\n\n")
        for block in blocks:
            head, _, body = block.partition(b"data: ")
            if body.startswith(b"{"):
                yield int(head.removeprefix(b"id: ") or 0), orjson.loads(body)


@asynccontextmanager
async def session(
    socket_factory: Callable[[Any], socket.socket] | None = None,
) -> AsyncIterator[aiohttp.ClientSession]:
    """Any number of connections, none of which is used twice."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True, socket_factory=socket_factory)
    timeout = aiohttp.ClientTimeout(total=None, connect=PATIENCE_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as made:
        yield made


@asynccontextmanager
async def readers(rig: Rig, count: int) -> "AsyncIterator[list[SocketReader]]":
    """New readers of the chat socket, each with a conversation of its own."""
    seats = await asyncio.to_thread(rig.seats, count)
    async with session() as connections:
        made = [SocketReader(connections, rig, seat) for seat in seats]
        try:
            yield made
        finally:
            for reader in made:
                reader.drop()


async def begin(reader: Reader, chat: "ChatProcess", text: str = QUESTION) -> None:
    await reader.connect(chat)
    await reader.ask(text)


@dataclass
class Crowd:
    """Readers that read, one answer after the other."""

    connections: aiohttp.ClientSession
    rig: Rig
    expected: str
    until: float
    answers: int = 0
    between: list[tuple[float, float]] = field(default_factory=list)
    """When a token came, and the pause before it."""
    mistakes: list[str] = field(default_factory=list)

    async def ask_over_and_over(self, door: type[Reader], seat: Seat) -> None:
        while time.monotonic() < self.until:
            reader = door(self.connections, self.rig, seat)
            await begin(reader, self.rig.chats[0])
            await reader.read_on(lambda: self.rig.chats)
            reader.drop()
            self.between += reader.between
            self.answers += 1
            if reader.error or reader.text != self.expected:
                said = reader.error or reader.refusal or len(reader.text)
                self.mistakes.append(f"{door.__name__}: {said}")
                # What is refused at once would be asked again at once.
                await asyncio.sleep(1)


def wrong(rig: Rig, found: Iterable[Reader], expected: str, *, end: str = "") -> list[str]:
    """What is wrong with the answers, as read and as stored."""
    found = list(found)
    stored = rig.stored([one.turn for one in found if one.turn])
    mistakes = []
    for one in found:
        if one.error or not one.ended or (end and one.ended != end):
            mistakes.append(one.error or one.ended or str(one.refusal or "no end"))
        elif one.text != stored.get(one.turn):
            mistakes.append(f"read {len(one.text)}, stored {len(stored.get(one.turn, ''))}")
        elif one.ended == COMPLETED and one.text != expected:
            mistakes.append(f"{len(one.text)} of {len(expected)} characters")
    return mistakes


async def left_behind(rig: Rig) -> list[str]:
    """What is still held although nobody asks anything any more."""
    deadline = time.monotonic() + LEFT_SECONDS
    while True:
        left = {
            "unfinished turns": await asyncio.to_thread(rig.unfinished_turns),
            "places": await asyncio.to_thread(rig.places),
            "answers upstream": rig.upstream.stats()["running"],
            # A check of the endpoint may be under way in each process.
            "connections upstream": max(0, rig.upstream_connections() - len(rig.chats)),
        }
        found = [f"{count} {what} left" for what, count in left.items() if count]
        if not found or time.monotonic() > deadline:
            return found
        await asyncio.sleep(1)


def summary(mistakes: list[str], bars: Mapping[str, bool] | None = None) -> dict[str, Any]:
    """What went wrong, and what was too slow or too large: which bars don't hold."""
    missed = [name for name, holds in (bars or {}).items() if not holds]
    told = {"wrong": len(mistakes), "first_wrong": mistakes[0] if mistakes else ""}
    return told if bars is None else {**told, "missed": missed}
