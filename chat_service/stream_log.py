"""The stream log: numbered events of an answer, in this process's memory and in Redis.

The owner of a turn writes here; readers only read. Events go to Redis in one pipeline per process
every 10 ms at most, at once when nothing was written for that long. Readers of this process get an
event when Redis has it, so that whatever was seen survives this process; the first token, and
everything while Redis is silent for 50 ms, they get at once.

In Redis a log is a stream whose entry ids are `0-<seq>`. The append script refuses an old fence,
leaves out what is there already, and tells what is missing, so that a wiped Redis is filled again.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chatbot.contracts import keys
from chatbot.contracts.events import EPOCH_STRIDE, TERMINAL_EVENTS

if TYPE_CHECKING:
    from collections.abc import Awaitable

logger = logging.getLogger(__name__)

FLUSH_SECONDS: Final = 0.010
LONG_ANSWER_EVENTS: Final = 1000
LONG_ANSWER_FLUSH_SECONDS: Final = 0.050
SILENCE_SECONDS: Final = 0.050
RETRY_SECONDS: Final = 0.5
TTL_MILLISECONDS: Final = 15 * 60 * 1000
MAX_ENTRIES: Final = 40_000
"""Half an hour of events at the rates above; connectors end an answer long before."""
ENTRIES_PER_APPEND: Final = 1000
PAGE_ENTRIES: Final = 500
_REFUSED: Final = -1

_APPEND: Final = """
local newest = tonumber(redis.call('GET', KEYS[2]) or '-1')
local fence = tonumber(ARGV[1])
if newest > fence then return -1 end
redis.call('SET', KEYS[2], fence, 'PX', ARGV[3])
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local have = 0
if last[1] then have = tonumber(string.match(last[1][1], '%-(%d+)$')) end
if have < tonumber(ARGV[2]) then return have end
for i = 5, #ARGV, 2 do
  local seq = tonumber(ARGV[i])
  if seq > have then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '0-' .. ARGV[i], 'e', ARGV[i + 1])
    have = seq
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return have
"""
_RAISE_FENCE: Final = """
local newest = tonumber(redis.call('GET', KEYS[1]) or '-1')
if newest > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""


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
        writer: "LogWriter",
        is_stored: bool = True,
    ) -> None:
        self.turn_id = turn_id
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
        self._writer = writer
        self._text: list[str] = []
        self._pending: list[str] = []
        self._sealed_at = 0.0
        self.has_tokens = False
        self._first_token = 0

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
        self._writer.wrote(self)

    def begin_with(self, text: str, *, epoch: int) -> None:
        """`turn.resumed`: the text that stands."""
        self._pending, self._text = [], [text]
        resumed = {"type": "turn.resumed", "epoch": epoch, "text_length": len(text), "text": text}
        self.add(resumed)

    def add_text(self, text: str) -> None:
        """More of the answer; what comes within one flush becomes one event."""
        self._pending.append(storable(text))
        self.whole.clear()
        if not self.has_tokens:
            self.has_tokens = True
            self.seal()
            self._first_token = len(self.entries)
            if self.stored.is_set():
                self.show(self._first_token)
        self._writer.wrote(self)

    def seal(self) -> None:
        """Makes an event of the text that waits for one."""
        if self._pending:
            text = "".join(self._pending)
            self._pending = []
            self._text.append(text)
            self._append({"type": "token", "text": text})
            self._sealed_at = time.monotonic()

    def may_seal(self) -> bool:
        """Whether it is time: long answers come in larger pieces, so that logs stay bounded."""
        if len(self.entries) < LONG_ANSWER_EVENTS:
            return True
        return time.monotonic() - self._sealed_at >= LONG_ANSWER_FLUSH_SECONDS

    @property
    def is_pending(self) -> bool:
        return bool(self._pending)

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
        if self.appended == len(self.entries) and not self._pending:
            self.whole.set()

    def confirm_stored(self) -> None:
        """From now on events are logged and shown."""
        self.stored.set()
        self.show(self._first_token)
        self._writer.wrote(self)

    def abandon(self) -> None:
        """Another owner writes from now on; readers of this log read on in Redis."""
        self.is_abandoned = True
        self._wake()

    def _append(self, event: Mapping[str, object]) -> None:
        self.whole.clear()
        self.entries.append(entry(self.turn_id, self.seq + 1, event))

    def _wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class LogWriter:
    """Writes the logs of all turns of this process."""

    def __init__(self, redis: Redis) -> None:
        self.is_away = False
        self._redis = redis
        self._behind: dict[UUID, TurnLog] = {}
        self._is_silent = False
        self._wake = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._append: asyncio.Task[None] | None = None

    def wrote(self, log: TurnLog) -> None:
        """The log has something new, or something to seal."""
        if not log.stored.is_set():
            return
        self._behind[log.turn_id] = log
        self._caught_up.clear()
        self._wake.set()

    def forget(self, log: TurnLog) -> None:
        """The log has ended, or is somebody else's: Redis gets no more of it."""
        if self._behind.get(log.turn_id) is log:
            del self._behind[log.turn_id]
        if not self._behind:
            self._caught_up.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._flush()
            await asyncio.sleep(FLUSH_SECONDS)

    async def flush(self, seconds: float) -> None:
        """Waits until Redis has everything, or for so long."""
        if self._behind and not self.is_away:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._caught_up.wait(), seconds)

    async def _flush(self) -> None:
        for log in self._behind.values():
            if log.may_seal():
                log.seal()
            elif log.is_pending:
                self._wake.set()
        if self._append is None:
            self._append = asyncio.create_task(self._append_all())
        if not self.is_away and not self._is_silent:
            await asyncio.wait({self._append}, timeout=SILENCE_SECONDS)
        self._is_silent = self._append is not None
        if self._is_silent:
            for log in self._behind.values():
                log.show(len(log.entries))

    async def _append_all(self) -> None:
        """Appends what Redis lacks; after a failure tries again in half a second."""
        logs = list(self._behind.values())
        try:
            answers = await self._append_to_redis(logs)
        except (RedisError, OSError) as error:
            if not self.is_away:
                logger.warning("stream log: Redis is away: %s", type(error).__name__)
            self.is_away = True
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._try_again)
            return
        self.is_away = self._is_silent = False
        self._append = None
        for log, answer in zip(logs, answers, strict=True):
            self._appended(log, answer)
        if self._behind:
            self._wake.set()

    def _try_again(self) -> None:
        self._append = None
        self._wake.set()

    async def _append_to_redis(self, logs: Iterable[TurnLog]) -> list[int]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for log in logs:
                pipe.eval(_APPEND, 2, *_append_arguments(log))
            answers: list[int] = await pipe.execute()
            return answers

    def _appended(self, log: TurnLog, answer: int) -> None:
        if answer == _REFUSED:
            self.forget(log)
            log.abandon()
            return
        log.acknowledge(answer - log.base)
        if log.whole.is_set():
            self.forget(log)


def _append_arguments(log: TurnLog) -> list[Any]:
    """Keys and arguments of the append script for what Redis lacks of a log."""
    before = log.base + log.appended if log.appended else 0
    arguments: list[Any] = [keys.turn_log(log.turn_id), keys.turn_fence(log.turn_id)]
    arguments += [log.fence, before, TTL_MILLISECONDS, MAX_ENTRIES]
    for one in log.entries[log.appended : log.appended + ENTRIES_PER_APPEND]:
        arguments += [one.seq, one.body]
    return arguments


async def raise_fence(redis: Redis, *, turn_id: UUID, fence: int) -> bool:
    """From now on appends of earlier owners are refused; false: there is a later one already."""
    arguments = keys.turn_fence(turn_id), str(fence), str(TTL_MILLISECONDS)
    # redis-py types one class for both kinds of clients.
    answer = await cast("Awaitable[int]", redis.eval(_RAISE_FENCE, 1, *arguments))
    return bool(answer)


async def read_page(redis: Redis, *, turn_id: UUID, after: int) -> list[Entry]:
    """Some of the events after a number; empty: there are none."""
    rows = await redis.xrange(keys.turn_log(turn_id), min=f"0-{after + 1}", count=PAGE_ENTRIES)
    return [decoded(row_id, fields) for row_id, fields in rows]


def decoded(row_id: bytes, fields: Mapping[bytes, bytes]) -> Entry:
    """An entry of the stream as Redis gives it."""
    body = fields[b"e"]
    return Entry(
        seq=int(row_id.rpartition(b"-")[2]),
        body=body,
        is_terminal=orjson.loads(body)["type"] in TERMINAL_EVENTS,
    )
