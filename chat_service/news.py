"""What other processes say: turns to look at, documents that moved, what concerns one person.

One subscription per process, however many sockets watch. It is best effort: whoever was not heard
is found by polling (turns) or by reading again (documents).
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat_service.redis_clients import RedisAway, RedisGate
from chatbot.contracts import keys

if TYPE_CHECKING:
    from redis.asyncio.client import PubSub

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = 1.0
POLL_SECONDS: Final = 1.0
WATCHER_MESSAGES: Final = 100
"""That wait for one slow socket; the oldest are dropped."""

Watcher = asyncio.Queue[bytes]
Listener = Callable[[bytes], None]


class News:
    """This process's subscription."""

    def __init__(
        self,
        redis: Redis,
        *,
        on_nudge: Callable[[Mapping[str, str]], None],
        commands: Redis,
        gate: RedisGate,
    ) -> None:
        """`redis` listens, `commands` speaks."""
        self._redis = redis
        self._on_nudge = on_nudge
        self._commands = commands
        self._gate = gate
        self._watchers: dict[str, dict[Watcher, bytes]] = defaultdict(dict)
        self._heard_from: set[str] = set()
        """Channels of brains that Redis has confirmed."""
        self._people: dict[str, set[Listener]] = defaultdict(set)
        self._pubsub: PubSub | None = None

    async def watch(self, brain_id: UUID, *, notice: bytes = b"") -> Watcher:
        """A queue of `document.changed` events. The caller has checked the permission.

        `notice` stands in it where all later changes follow, unless it comes again: after Redis
        was away, or the watcher too slow, changes may be missing before it. Empty: none.
        """
        channel = keys.brain_changes(brain_id)
        watcher: Watcher = asyncio.Queue(WATCHER_MESSAGES)
        is_first = not self._watchers[channel]
        self._watchers[channel][watcher] = notice
        if channel in self._heard_from:
            _notify(watcher, notice)
        if is_first and self._pubsub is not None:
            with contextlib.suppress(RedisError, OSError):
                await self._pubsub.subscribe(channel)
        return watcher

    async def unwatch(self, brain_id: UUID, watcher: Watcher) -> None:
        channel = keys.brain_changes(brain_id)
        self._watchers[channel].pop(watcher, None)
        if not self._watchers[channel]:
            del self._watchers[channel]
            self._heard_from.discard(channel)
            if self._pubsub is not None:
                with contextlib.suppress(RedisError, OSError):
                    await self._pubsub.unsubscribe(channel)

    @contextlib.contextmanager
    def listening(self, user_id: UUID, listener: Listener) -> Iterator[None]:
        """Meanwhile the listener gets the frames that concern the person."""
        name = str(user_id)
        self._people[name].add(listener)
        try:
            yield
        finally:
            self._people[name].discard(listener)
            if not self._people[name]:
                del self._people[name]

    async def tell(self, user_id: UUID, frame: Mapping[str, object]) -> None:
        """A frame for all sockets of the person; without Redis for those of this process."""
        body = orjson.dumps({"user": str(user_id), "frame": frame})
        try:
            await self._gate.call(lambda: self._commands.publish(keys.PEOPLE_NEWS, body))
        except RedisAway:
            self._heard(keys.PEOPLE_NEWS, body)

    async def run(self) -> None:
        """Listens, and subscribes again when Redis was away; never ends."""
        while True:
            with contextlib.suppress(RedisError, OSError):
                await self._listen()
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        async with self._redis.pubsub() as pubsub:
            try:
                await pubsub.subscribe(keys.TURN_NUDGES, keys.PEOPLE_NEWS, *self._watchers)
                self._pubsub = pubsub
                while True:
                    message = await pubsub.get_message(timeout=POLL_SECONDS)
                    if message is not None and message["type"] == "message":
                        self._heard(message["channel"].decode(), message["data"])
                    elif message is not None and message["type"] == "subscribe":
                        self._confirmed(message["channel"].decode())
            finally:
                self._pubsub = None
                self._heard_from.clear()

    def _confirmed(self, channel: str) -> None:
        """Redis tells of the channel from now on; also when it is back."""
        watchers = self._watchers.get(channel)
        if watchers:
            self._heard_from.add(channel)
            for watcher, notice in watchers.items():
                _notify(watcher, notice)

    def _heard(self, channel: str, body: bytes) -> None:
        if channel == keys.TURN_NUDGES:
            self._on_nudge(orjson.loads(body))
            return
        if channel == keys.PEOPLE_NEWS:
            news = orjson.loads(body)
            frame = orjson.dumps(news["frame"])
            for listener in self._people.get(news["user"], ()):
                listener(frame)
            return
        for watcher, notice in self._watchers.get(channel, {}).items():
            if watcher.full():
                watcher.get_nowait()
                _notify(watcher, notice)
            watcher.put_nowait(body)


def _notify(watcher: Watcher, notice: bytes) -> None:
    """Instead of what waits: it is older than what is to be read now."""
    if notice:
        while not watcher.empty():
            watcher.get_nowait()
        watcher.put_nowait(notice)
