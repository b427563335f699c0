"""Sessions at model servers that hold them, known to all processes.

Without Redis a conversation begins a new session there, which is told what was said.
"""

import contextlib
from dataclasses import asdict
from typing import Final

import orjson
from redis.asyncio import Redis

from chat_service.redis_clients import RedisAway, RedisGate
from chatbot.contracts import keys
from chatbot.inference.connectors.sessions import KnownSession

KEPT_SECONDS: Final = 7 * 24 * 3600


class RedisSessions:
    """Implements `SessionStore`."""

    def __init__(self, redis: Redis, gate: RedisGate) -> None:
        self._redis = redis
        self._gate = gate

    async def get(self, key: str) -> KnownSession | None:
        try:
            body = await self._gate.call(lambda: self._redis.get(keys.upstream_session(key)))
            return KnownSession(**orjson.loads(body)) if body else None
        except (RedisAway, orjson.JSONDecodeError, TypeError):
            return None

    async def put(self, key: str, session: KnownSession) -> None:
        name, body = keys.upstream_session(key), orjson.dumps(asdict(session))
        with contextlib.suppress(RedisAway):
            await self._gate.call(lambda: self._redis.set(name, body, ex=KEPT_SECONDS))

    async def forget(self, key: str) -> None:
        with contextlib.suppress(RedisAway):
            await self._gate.call(lambda: self._redis.delete(keys.upstream_session(key)))
