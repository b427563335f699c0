"""The stream log of a turn: numbered events, in the memory of the process that writes them.

The owner of a turn writes here; readers only read. Readers of this process get an event when Redis
has it (`redis_log.py`), so that whatever was seen survives this process; the first token they get
at once.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

import orjson

from chatbot.contracts import keys
from chatbot.contracts.events import EPOCH_STRIDE, TERMINAL_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable

LONG_ANSWER_EVENTS: Final = 1000
LONG_ANSWER_FLUSH_SECONDS: Final = 0.050


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as clients get it."""

    seq: int
    body: bytes
    """JSON."""
    is_terminal: bool


def entry(turn_id: UUID, seq: int, event: Mapping[str, object]) -> Entry:
    """Encodes an event; `event` has its type and all that is its own."""
    body = orjson.dumps({"type": event["type"], "turn": str(turn_id), "seq": seq, **event})
    return Entry(seq, body, event["type"] in TERMINAL_EVENTS)


def storable(text: str) -> str:
    """The text without what UTF-8 or PostgreSQL can't hold: half characters and NUL."""
    if not text.isascii():
        text = text.encode(errors="replace").decode()
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


class TurnLog:
    """One epoch of a turn that this process writes.

    `entries` is whole, so that Redis can be filled again from it; `shown` is how many of them
    readers of this process may have. Nobody has any before the turn is stored.
    """

    def __init__(
        self,
        turn_id: UUID,
        *,
        fence: int,
        epoch: int,
        wrote: "Callable[[TurnLog], None]",
        is_stored: bool = True,
    ) -> None:
        self.turn_id = turn_id
        self.keys = keys.turn_log(turn_id), keys.turn_fence(turn_id)
        """Of its stream and its fence in Redis."""
        self.fence = fence
        self.base = epoch * EPOCH_STRIDE
        self.entries: list[Entry] = []
        self.shown = 0
        self.appended = 0
        self.is_abandoned = False
        self.changed = asyncio.Event()
        self.whole = asyncio.Event()
        """Set while Redis has all of it."""
        self.stored = asyncio.Event()
        """Set once the turn is in the database."""
        if is_stored:
            self.stored.set()
        self._wrote = wrote
        self._when_whole: Callable[[], object] | None = None
        self._text: list[str] = []
        self._pending: list[str] = []
        self._thoughts: list[str] = []
        self._sealed_at = 0.0
        self.has_tokens = False
        self._first_token = 0
        self._pieces = self._paced = 0
        self._paced_at = 0.0
        # What all token events have in common: encoding these is what an answer costs most often.
        self._token_head = b'{"type":"token","turn":"%s","seq":' % str(turn_id).encode()

    @property
    def seq(self) -> int:
        """Of the last event; the epoch's beginning if there is none."""
        return self.base + len(self.entries)

    @property
    def text(self) -> str:
        """The answer up to the last event: what a checkpoint holds."""
        self._text = ["".join(self._text)]
        return self._text[0]

    def add(self, event: Mapping[str, object]) -> None:
        """The next event; text that waits for its event becomes one before."""
        self.seal()
        self._append(event)
        self._wrote(self)

    def begin_with(self, text: str, *, epoch: int) -> None:
        """`turn.resumed`: the text that stands."""
        self._pending, self._text = [], [text]
        resumed = {"type": "turn.resumed", "epoch": epoch, "text_length": len(text), "text": text}
        self.add(resumed)

    def add_text(self, text: str, *, pieces: int = 1) -> None:
        """More of the answer, that came in so many pieces; one flush makes one event of it."""
        if self._thoughts:
            self.seal()
        self._pending.append(storable(text))
        self._pieces += pieces
        self.whole.clear()
        if not self.has_tokens:
            self.has_tokens = True
            self.seal()
            self._first_token = len(self.entries)
            self._paced, self._paced_at = self._pieces, self._sealed_at
            if self.stored.is_set():
                self.show(self._first_token)
        self._wrote(self)

    def add_reasoning(self, text: str) -> None:
        """More of the thinking aloud; `text` is storable."""
        if self._pending:
            self.seal()
        self._thoughts.append(text)
        self.whole.clear()
        self._wrote(self)

    def seal(self) -> None:
        """Makes an event of the text that waits for one."""
        if self._thoughts:
            thoughts, self._thoughts = "".join(self._thoughts), []
            self._append({"type": "reasoning", "text": thoughts})
            self._sealed_at = time.monotonic()
        if self._pending:
            text = "".join(self._pending)
            self._pending = []
            self._text.append(text)
            seq = self.seq + 1
            body = b'%b%d,"text":%b}' % (self._token_head, seq, orjson.dumps(text))
            self.whole.clear()
            self.entries.append(Entry(seq, body, is_terminal=False))
            self._sealed_at = time.monotonic()

    def may_seal(self) -> bool:
        """Whether it is time: long answers come in larger pieces, so that logs stay bounded."""
        if len(self.entries) < LONG_ANSWER_EVENTS:
            return True
        return time.monotonic() - self._sealed_at >= LONG_ANSWER_FLUSH_SECONDS

    def pace(self) -> tuple[int, float]:
        """Gaps between tokens since the last call, and their seconds in all."""
        if not self._paced or self._sealed_at == self._paced_at:
            return 0, 0.0
        count, seconds = self._pieces - self._paced, self._sealed_at - self._paced_at
        self._paced, self._paced_at = self._pieces, self._sealed_at
        return count, seconds

    @property
    def is_pending(self) -> bool:
        return bool(self._pending or self._thoughts)

    def since(self, seq: int) -> list[Entry]:
        """Events after a number that readers may have; of an earlier epoch's number, all."""
        return self.entries[max(0, seq - self.base) : self.shown]

    def show(self, count: int) -> None:
        """Lets readers have the first so many events."""
        if count > self.shown:
            self.shown = count
            self._wake()

    def acknowledge(self, count: int) -> None:
        """Redis has the first so many events; less than before: it lost some, and gets them again.

        The others aren't hidden again from those who may have seen them.
        """
        self.appended = min(max(0, count), len(self.entries))
        self.show(self.appended)
        if self.appended == len(self.entries) and not self.is_pending:
            self.whole.set()
            self._tell_whole()

    def when_whole(self, tell: "Callable[[], object]") -> None:
        """Calls once, as soon as Redis has all of it: nothing is written any more."""
        self._when_whole = tell
        if self.whole.is_set():
            self._tell_whole()

    def confirm_stored(self) -> None:
        """From now on events are logged and shown."""
        self.stored.set()
        self.show(self._first_token)
        self._wrote(self)

    def abandon(self) -> None:
        """Another owner writes from now on; readers of this log read on in Redis."""
        self.is_abandoned = True
        self._wake()

    def _append(self, event: Mapping[str, object]) -> None:
        self.whole.clear()
        self.entries.append(entry(self.turn_id, self.seq + 1, event))

    def _tell_whole(self) -> None:
        if (tell := self._when_whole) is not None:
            self._when_whole = None
            tell()

    def _wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()
