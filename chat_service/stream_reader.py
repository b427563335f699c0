"""Reading the stream log from any number, on any process.

Turns that this process writes are read from memory, others from Redis: one connection per process
waits for all of them. Whoever falls behind what memory holds reads from Redis; what has gone there
is told again from what is stored.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Final
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat_service.database import in_database
from chat_service.redis_clients import RedisAway, RedisGate
from chat_service.redis_log import decoded, read_page
from chat_service.replay import ended_turns, replay
from chat_service.stream_log import Entry, TurnLog
from chatbot.contracts import keys
from chatbot.contracts.errors import Unavailable

if TYPE_CHECKING:
    from redis.typing import KeyT, StreamIdT

logger = logging.getLogger(__name__)

TAIL_ENTRIES: Final = 512
"""Events of a turn of another process that are kept for its readers here."""
BLOCK_MILLISECONDS: Final = 1000
LOOK_SECONDS: Final = 1.0
"""How often the database is asked about turns of which nothing is heard."""
RETRY_SECONDS: Final = 0.5
ENTRIES_PER_READ: Final = 200
WAKE_TTL_MILLISECONDS: Final = 60_000


class Tail:
    """The last events of a turn that another process writes: all of those after `floor`."""

    def __init__(self, turn_id: UUID, *, after: int) -> None:
        self.turn_id = turn_id
        self.floor = self.last = after
        self.readers = 0
        self.has_ended = False
        self.was_heard = False
        self.changed = asyncio.Event()
        self._entries: deque[Entry] = deque()

    def since(self, seq: int) -> list[Entry] | None:
        """Events after a number; None: memory doesn't reach back so far."""
        if seq < self.floor:
            return None
        return [one for one in self._entries if one.seq > seq]

    def add(self, entries: Iterable[Entry]) -> None:
        for one in entries:
            if one.seq > self.last:
                self._entries.append(one)
                self.last = one.seq
        while len(self._entries) > TAIL_ENTRIES:
            self.floor = self._entries.popleft().seq
        self.was_heard = True
        self.wake()

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class StreamReader:
    """All readers of this process."""

    def __init__(
        self,
        *,
        process: str,
        own_logs: Mapping[UUID, TurnLog],
        commands: Redis,
        blocking: Redis,
        gate: RedisGate,
    ) -> None:
        self._own_logs = own_logs
        self._commands = commands
        self._blocking = blocking
        self._gate = gate
        self._tails: dict[UUID, Tail] = {}
        self._wake_key = keys.chat_wake(process)
        self._wake_id = "0-0"
        self._joined = asyncio.Event()
        self._look_now = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def batches(self, turn_id: UUID, *, after: int) -> AsyncGenerator[list[Entry], None]:
        """Events after a number, as they come, up to the terminal one; all at once that there are.

        Permission has been checked by the caller.
        """
        seen, tail = after, None
        try:
            while True:
                log = self._own_logs.get(turn_id)
                if log is not None and not log.is_abandoned:
                    if tail is not None:
                        self._leave(tail)
                        tail = None
                    changed, entries = log.changed, log.since(seen)
                else:
                    tail = tail or self._join(turn_id, after=seen)
                    changed = tail.changed
                    found = await self._read(tail, seen)
                    if found is None:
                        return
                    entries = found
                if not entries:
                    await changed.wait()
                    continue
                end = next((n for n, one in enumerate(entries, 1) if one.is_terminal), None)
                yield entries[:end]
                if end is not None:
                    return
                seen = entries[-1].seq
        finally:
            if tail is not None:
                self._leave(tail)

    async def run(self) -> None:
        """Waits for the turns of other processes; never ends."""
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._listen())
            parts.create_task(self._look())

    def look_again(self, turn_id: UUID) -> None:
        """The turn is written by this process from now on."""
        if turn_id in self._tails:
            self._tails[turn_id].wake()

    def _join(self, turn_id: UUID, *, after: int) -> Tail:
        tail = self._tails.get(turn_id)
        if tail is None:
            tail = self._tails[turn_id] = Tail(turn_id, after=after)
            self._joined.set()
            self._look_now.set()
            self._spawn(self._interrupt_listening())
        tail.readers += 1
        return tail

    def _leave(self, tail: Tail) -> None:
        tail.readers -= 1
        if not tail.readers:
            del self._tails[tail.turn_id]

    async def _read(self, tail: Tail, seen: int) -> list[Entry] | None:
        """What a reader gets next; empty: nothing now; None: nothing any more."""
        entries = tail.since(seen)
        if entries is None:
            entries = await self._page(tail.turn_id, seen) or tail.since(tail.floor)
        if entries or not tail.has_ended:
            return entries or []
        entries = await self._page(tail.turn_id, seen)
        if entries:
            return entries
        tail.has_ended = False
        try:
            told = await in_database(replay, tail.turn_id, after=seen)
        except Unavailable:
            return []
        return told.entries if told.entries or not told.is_over else None

    async def _page(self, turn_id: UUID, after: int) -> list[Entry]:
        try:
            return await self._gate.call(
                lambda: read_page(self._commands, turn_id=turn_id, after=after)
            )
        except RedisAway:
            return []

    async def _listen(self) -> None:
        while True:
            if not self._tails:
                self._joined.clear()
                await self._joined.wait()
            try:
                await self._listen_once()
            except (RedisError, OSError):
                await asyncio.sleep(RETRY_SECONDS)

    async def _listen_once(self) -> None:
        tails = {keys.turn_log(tail.turn_id).encode(): tail for tail in self._tails.values()}
        wake = self._wake_key.encode()
        after: dict[KeyT, StreamIdT] = {wake: self._wake_id}
        after |= {key: f"0-{tail.last}" for key, tail in tails.items()}
        answer = await self._blocking.xread(after, count=ENTRIES_PER_READ, block=BLOCK_MILLISECONDS)
        for key, rows in answer:
            if key == wake:
                self._wake_id = rows[-1][0]
            else:
                tails[key].add(decoded(row_id, fields) for row_id, fields in rows)

    async def _interrupt_listening(self) -> None:
        """Appends to a stream that the listener waits for, so that it takes the new one in."""

        async def append() -> None:
            async with self._commands.pipeline(transaction=False) as pipe:
                pipe.xadd(self._wake_key, {b"w": b""}, maxlen=1, approximate=False)
                pipe.pexpire(self._wake_key, WAKE_TTL_MILLISECONDS)
                await pipe.execute()

        with contextlib.suppress(RedisAway):
            await self._gate.call(append)

    async def _look(self) -> None:
        """Asks the database about turns that are silent: their last events may be lost."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), LOOK_SECONDS)
            self._look_now.clear()
            silent = [tail for tail in self._tails.values() if not tail.was_heard]
            for tail in self._tails.values():
                tail.was_heard = False
            if silent:
                with contextlib.suppress(Unavailable):
                    await self._look_at(silent)

    async def _look_at(self, silent: list[Tail]) -> None:
        ended = await in_database(ended_turns, [tail.turn_id for tail in silent])
        for tail in silent:
            if tail.turn_id in ended:
                tail.has_ended = True
                tail.wake()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
