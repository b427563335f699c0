"""The stream log in Redis: where readers of other processes read, and successors find what stands.

Events of all turns of a process go there in one script every 10 ms at most (50 ms where many are
written), at once when nothing was written for that long. While Redis is silent for 50 ms, readers
of this process get everything at once.

A log is a stream whose entry ids are `0-<seq>`. The append script refuses an old fence, leaves out
what is there already, and tells what is missing, so that a wiped Redis is filled again.
"""

import asyncio
import contextlib
import logging
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat_service.stream_log import Entry, TurnLog
from chatbot.contracts import keys
from chatbot.contracts.events import TERMINAL_EVENTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

FLUSH_SECONDS: Final = 0.010
LONGEST_FLUSH_SECONDS: Final = 0.050
FLUSH_SECONDS_PER_LOG: Final = 0.00025
"""With many answers at once fewer, larger scripts."""
SILENCE_SECONDS: Final = 0.050
RETRY_SECONDS: Final = 0.5
TTL_MILLISECONDS: Final = 15 * 60 * 1000
MAX_ENTRIES: Final = 40_000
"""Half an hour of events at these rates; connectors end an answer long before."""
ENTRIES_PER_APPEND: Final = 1000
PAGE_ENTRIES: Final = 500
_REFUSED: Final = -1

_APPEND: Final = """
local ttl, limit, blob = ARGV[1], ARGV[2], ARGV[3]
local answers = {}
local at = 1
for log = 1, #KEYS / 2 do
  local stream, fenced = KEYS[2 * log - 1], KEYS[2 * log]
  local fence, before, seq, count, body
  fence, before, seq, count, at = struct.unpack('>dddd', blob, at)
  local newest = tonumber(redis.call('GET', fenced) or '-1')
  local have = -1
  if newest <= fence then
    redis.call('SET', fenced, string.format('%.0f', fence), 'PX', ttl)
    local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
    have = 0
    if last[1] then have = tonumber(string.match(last[1][1], '%-(%d+)$')) end
  end
  local may_append = newest <= fence and have >= before
  for number = seq, seq + count - 1 do
    body, at = struct.unpack('>I4c0', blob, at)
    if may_append and number > have then
      have = number
      redis.call('XADD', stream, 'MAXLEN', '~', limit, string.format('0-%.0f', number), 'e', body)
    end
  end
  if may_append then redis.call('PEXPIRE', stream, ttl) end
  answers[log] = have
end
return answers
"""
"""Keys: stream and fence of each log. Arguments: time to live, longest stream, and one string with,
for each log, its fence, the number it must have, the number of the first event and how many follow
(`_HEAD`), and then the events, each behind its length.

Answers for each the number that it has now, or -1: there is a later fence.
"""
_HEAD: Final = struct.Struct(">dddd")
_LENGTH: Final = struct.Struct(">I")
_RAISE_FENCE: Final = """
local newest = tonumber(redis.call('GET', KEYS[1]) or '-1')
if newest > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""


class LogWriter:
    """Writes the logs of all turns of this process."""

    def __init__(self, redis: Redis, *, logs: "Callable[[], int]") -> None:
        self.is_away = False
        self._logs = logs
        self._append_script = redis.register_script(_APPEND)
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
            await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        return min(max(FLUSH_SECONDS, FLUSH_SECONDS_PER_LOG * self._logs()), LONGEST_FLUSH_SECONDS)

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
            self._fail()
            return
        except Exception:
            logger.exception("stream log: events could not be appended")
            self._fail()
            return
        self.is_away = self._is_silent = False
        self._append = None
        for log, answer in zip(logs, answers, strict=True):
            self._appended(log, answer)
        if self._behind:
            self._wake.set()

    def _fail(self) -> None:
        self.is_away = True
        asyncio.get_running_loop().call_later(RETRY_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._append = None
        self._wake.set()

    async def _append_to_redis(self, logs: Sequence[TurnLog]) -> list[int]:
        named = [key for log in logs for key in log.keys]
        arguments = (TTL_MILLISECONDS, MAX_ENTRIES, b"".join(_packed(logs)))
        answers: list[int] = await self._append_script(named, arguments)
        return answers

    def _appended(self, log: TurnLog, answer: int) -> None:
        if answer == _REFUSED:
            self.forget(log)
            log.abandon()
            return
        log.acknowledge(answer - log.base)
        if log.whole.is_set():
            self.forget(log)


def _packed(logs: Sequence[TurnLog]) -> Iterator[bytes]:
    """What Redis lacks of the logs, as the append script reads it."""
    for log in logs:
        before = log.base + log.appended if log.appended else 0
        lacking = log.entries[log.appended : log.appended + ENTRIES_PER_APPEND]
        yield _HEAD.pack(log.fence, before, log.base + log.appended + 1, len(lacking))
        for one in lacking:
            yield _LENGTH.pack(len(one.body))
            yield one.body


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
