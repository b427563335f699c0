"""A client of the chat protocol, on a WebSocket library that isn't ours."""

import itertools
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from websockets.sync.client import connect

from chatbot.accounts.models import User
from chatbot.accounts.services.tokens import issue_tokens
from chatbot.contracts.events import TERMINAL_EVENTS
from tests.chat_service.processes import ChatProcess

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

PATIENCE_SECONDS = 20
Event = dict[str, Any]
_numbers = itertools.count(1)


@dataclass
class Answer:
    """An answer as a client puts it together from events."""

    text: str = ""
    seq: int = 0
    sources: list[Any] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def apply(self, event: Event) -> None:
        self.events.append(event)
        self.seq = event["seq"]
        if event["type"] == "token":
            self.text += event["text"]
        elif event["type"] == "turn.resumed":
            assert len(event["text"]) == event["text_length"]
            self.text = event["text"]
        elif event["type"] == "sources":
            self.sources = event["sources"]

    @property
    def types(self) -> list[str]:
        """Types of the events; tokens in a row count as one."""
        return [kind for kind, _ in itertools.groupby(event["type"] for event in self.events)]

    @property
    def end(self) -> Event:
        """The one terminal event, which is the last."""
        assert [event["type"] in TERMINAL_EVENTS for event in self.events].count(True) == 1
        assert self.events[-1]["type"] in TERMINAL_EVENTS
        return self.events[-1]


def applied(events: Iterable[Event]) -> Answer:
    answer = Answer()
    for event in events:
        answer.apply(event)
    return answer


def cut_off(
    chat: ChatProcess, user: User, conversation_id: UUID, text: str = "What?", *, words: int
) -> tuple[Event, Answer]:
    """Asks a process that is killed after so many words: the `asked` frame, and what was told."""
    with ChatClient(chat, user) as client:
        asked = client.ask(conversation_id, text)
        answer = client.tokens(words)
        chat.process.kill()
    return asked, answer


class ChatClient:
    """A signed-in connection."""

    def __init__(self, chat: ChatProcess, user: User) -> None:
        token = issue_tokens(user=user).access
        self._connecting = connect(
            chat.websocket,
            additional_headers={"Authorization": f"Bearer {token}"},
            proxy=None,
            compression=None,
            # A client with unread frames would wait for the closing handshake.
            close_timeout=0.2,
            max_queue=None,
        )

    def __enter__(self) -> Self:
        self._socket: ClientConnection = self._connecting.__enter__()
        assert self.receive()["type"] == "ready"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connecting.__exit__(kind, error, traceback)

    def send(self, **frame: object) -> None:
        self._socket.send(json.dumps(frame))

    def receive(self, seconds: float = PATIENCE_SECONDS) -> Event:
        event: Event = json.loads(self._socket.recv(timeout=seconds))
        return event

    def until(self, kind: str, seconds: float = PATIENCE_SECONDS) -> list[Event]:
        """Everything up to and including the first frame of a type."""
        deadline = time.monotonic() + seconds
        frames: list[Event] = []
        while not frames or frames[-1]["type"] != kind:
            frames.append(self.receive(deadline - time.monotonic()))
        return frames

    def ask(self, conversation_id: UUID, text: str, client_id: str = "") -> Event:
        """Asks; the `asked` frame."""
        client_id = client_id or f"question-{next(_numbers)}"
        self.send(type="ask", conversation=str(conversation_id), text=text, client_id=client_id)
        asked = self.receive()
        assert asked["type"] == "asked", asked
        return asked

    def subscribe(self, turn_id: object, after: int = 0) -> None:
        self.send(type="subscribe", turn=str(turn_id), after=after)

    def answer(self, seconds: float = PATIENCE_SECONDS, *, to: Answer | None = None) -> Answer:
        """The rest of the answer, to its terminal event."""
        deadline, answer = time.monotonic() + seconds, to or Answer()
        while not answer.events or answer.events[-1]["type"] not in TERMINAL_EVENTS:
            answer.apply(self.receive(deadline - time.monotonic()))
        return answer

    def take(self, answer: Answer, count: int, seconds: float = PATIENCE_SECONDS) -> None:
        """So many more events of the answer, or fewer if it ends."""
        for _ in range(count):
            if not answer.events or answer.events[-1]["type"] not in TERMINAL_EVENTS:
                answer.apply(self.receive(seconds))

    def tokens(
        self, count: int, seconds: float = PATIENCE_SECONDS, *, to: Answer | None = None
    ) -> Answer:
        """The answer up to so many words."""
        deadline, answer = time.monotonic() + seconds, to or Answer()
        while len(answer.text.split()) < count:
            answer.apply(self.receive(deadline - time.monotonic()))
        return answer
