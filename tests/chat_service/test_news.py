"""What concerns one person; how it gets to other processes is seen where titles are."""

from uuid import uuid4

import orjson
from redis.asyncio import Redis

from chat_service.news import News
from chat_service.redis_clients import RedisGate

FRAME = {"type": "conversation.titled", "conversation": "c", "title": "뇌간"}


class TestTell:
    async def test_reaches_the_persons_sockets_in_this_process_without_redis(self) -> None:
        user, heard = uuid4(), list[bytes]()
        async with Redis.from_url("redis://127.0.0.1:1/0") as nobody:
            news = News(nobody, on_nudge=print, commands=nobody, gate=RedisGate())
            with news.listening(user, heard.append), news.listening(uuid4(), heard.append):
                await news.tell(user, FRAME)
            await news.tell(user, FRAME)

        assert [orjson.loads(body) for body in heard] == [FRAME]
