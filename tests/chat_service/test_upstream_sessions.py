import os

from redis.asyncio import Redis

from chat_service.redis_clients import RedisGate
from chat_service.upstream_sessions import RedisSessions
from chatbot.contracts import keys
from chatbot.inference.connectors.sessions import KnownSession

SESSION = KnownSession("ses-1", "digest")


class TestRedisSessions:
    async def test_are_known_to_other_processes(self) -> None:
        async with Redis.from_url(os.environ["REDIS_URL"]) as one:
            await RedisSessions(one, RedisGate()).put("key", SESSION)

        async with Redis.from_url(os.environ["REDIS_URL"]) as other:
            sessions = RedisSessions(other, RedisGate())
            found = await sessions.get("key")
            await sessions.forget("key")
            forgotten = await sessions.get("key")

        assert found == SESSION
        assert forgotten is None

    async def test_are_unknown_where_something_else_stands(self) -> None:
        async with Redis.from_url(os.environ["REDIS_URL"]) as redis:
            await redis.set(keys.upstream_session("key"), '["odd"]')

            assert await RedisSessions(redis, RedisGate()).get("key") is None

    async def test_are_unknown_without_redis(self) -> None:
        async with Redis.from_url("redis://127.0.0.1:1/0") as redis:
            sessions = RedisSessions(redis, RedisGate())

            await sessions.put("key", SESSION)

            assert await sessions.get("key") is None
