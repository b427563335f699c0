"""What concerns one person; how it gets to other processes is seen where titles are."""

import asyncio
import os
from collections.abc import Iterator
from uuid import uuid4

import orjson
import pytest
from redis.asyncio import Redis

from chat_service.news import WATCHER_MESSAGES, News
from chat_service.redis_clients import RedisGate
from chatbot.contracts import keys
from tests.fakes.proxy import Proxy, running_proxy

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


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Redis, which can be taken away."""
    with running_proxy(os.environ["REDIS_URL"]) as running:
        yield running


class TestWatch:
    async def test_gives_notice_when_redis_is_back(self, proxy: Proxy) -> None:
        async with Redis.from_url(proxy.url) as redis:
            news = News(redis, on_nudge=print, commands=redis, gate=RedisGate())
            task = asyncio.create_task(news.run())
            brain_id = uuid4()
            async with asyncio.timeout(20):
                watcher = await news.watch(brain_id, notice=b"watching")
                first = await watcher.get()
                proxy.cut()
                proxy.restore()
                again = await watcher.get()
            task.cancel()

        assert (first, again) == (b"watching", b"watching")

    async def test_gives_notice_to_a_watcher_that_was_too_slow(self, proxy: Proxy) -> None:
        brain_id, sent = uuid4(), WATCHER_MESSAGES + 5
        async with Redis.from_url(proxy.url) as redis:
            news = News(redis, on_nudge=print, commands=redis, gate=RedisGate())
            task = asyncio.create_task(news.run())
            async with asyncio.timeout(20):
                slow = await news.watch(brain_id, notice=b"watching")
                await slow.get()
                for number in range(sent):
                    news._heard(keys.brain_changes(brain_id), b"%d" % number)
                told = [await slow.get()]
                while told[-1] != b"%d" % (sent - 1):
                    told.append(await slow.get())
            task.cancel()

        assert told[0] == b"watching"
        assert told[1:] == [b"%d" % number for number in range(WATCHER_MESSAGES, sent)]
