"""The stream log on a real Redis: what is acknowledged, what is refused, what is filled again."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from uuid import UUID, uuid4

import orjson
import pytest
from redis.asyncio import Redis

from chat_service.redis_log import LogWriter, raise_fence, read_page
from chat_service.standing import Standing, follow
from chat_service.stream_log import (
    LONG_ANSWER_EVENTS,
    LONG_ANSWER_FLUSH_SECONDS,
    TurnLog,
    entry,
    storable,
)
from chatbot.contracts import keys
from chatbot.contracts.events import EPOCH_STRIDE


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with Redis.from_url(os.environ["REDIS_URL"]) as client:
        yield client


@pytest.fixture
async def writer(redis: Redis) -> AsyncIterator[LogWriter]:
    made = LogWriter(redis, logs=lambda: 1)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def turn_id() -> UUID:
    return uuid4()


async def text_in(redis: Redis, turn_id: UUID) -> str:
    """The answer as the log in Redis has it."""
    standing = Standing(0, "", None)
    while page := await read_page(redis, turn_id=turn_id, after=standing.seq):
        follow(standing, page)
    return standing.text


async def whole(log: TurnLog) -> None:
    await asyncio.wait_for(log.whole.wait(), 20)


async def soon(is_true: Callable[[], bool]) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(20):
        while not is_true():  # noqa: ASYNC110 - nobody sets an event for a test
            await asyncio.sleep(0.01)


class TestFollow:
    def test_knows_what_was_searched_for_last(self, turn_id: UUID) -> None:
        first = {"type": "sources", "sources": [], "searched": "When does a day end?"}
        standing = Standing(0, "", None)

        follow(standing, [entry(turn_id, 1, first)])
        searched = standing.searched
        follow(standing, [entry(turn_id, 2, {"type": "sources", "sources": []})])

        assert searched == "When does a day end?"
        assert standing == Standing(2, "", ())


class TestTurnLog:
    async def test_shows_the_first_token_at_once_and_others_when_redis_has_them(
        self, writer: LogWriter, turn_id: UUID
    ) -> None:
        log = TurnLog(turn_id, fence=1, epoch=0, wrote=writer.wrote)
        log.add_text("first")
        shown_at_once = len(log.since(0))
        log.add_text(" second")
        before = len(log.since(0))
        await whole(log)

        assert (shown_at_once, before, len(log.since(0))) == (1, 1, 2)

    async def test_makes_one_event_of_what_comes_together(
        self, writer: LogWriter, redis: Redis, turn_id: UUID
    ) -> None:
        log = TurnLog(turn_id, fence=1, epoch=0, wrote=writer.wrote)
        for word in ("a", "b", "c", "d"):
            log.add_text(word)
        await whole(log)

        assert [orjson.loads(one.body)["text"] for one in log.since(0)] == ["a", "bcd"]
        assert await text_in(redis, turn_id) == log.text == "abcd"

    async def test_numbers_from_the_epoch(self, writer: LogWriter, turn_id: UUID) -> None:
        log = TurnLog(turn_id, fence=2, epoch=3, wrote=writer.wrote)

        log.begin_with("stands", epoch=3)
        await whole(log)

        [resumed] = log.since(EPOCH_STRIDE)
        assert resumed.seq == 3 * EPOCH_STRIDE + 1
        assert orjson.loads(resumed.body)["text_length"] == 6

    async def test_is_abandoned_when_a_later_owner_has_raised_the_fence(
        self, writer: LogWriter, redis: Redis, turn_id: UUID
    ) -> None:
        log = TurnLog(turn_id, fence=1, epoch=0, wrote=writer.wrote)
        log.add_text("mine")
        await whole(log)
        await raise_fence(redis, turn_id=turn_id, fence=2)

        log.add_text(" too late")
        async with asyncio.timeout(5):
            await log.changed.wait()

        assert log.is_abandoned
        assert await text_in(redis, turn_id) == "mine"

    async def test_fills_a_redis_that_was_wiped(
        self, writer: LogWriter, redis: Redis, turn_id: UUID
    ) -> None:
        log = TurnLog(turn_id, fence=1, epoch=0, wrote=writer.wrote)
        log.add({"type": "turn.started"})
        log.add_text("before")
        await whole(log)
        await redis.flushdb()

        log.add_text(" after")
        await whole(log)

        assert await text_in(redis, turn_id) == "before after"
        page = await read_page(redis, turn_id=turn_id, after=0)
        assert [one.seq for one in page] == [1, 2, 3]

    async def test_gives_redis_what_it_lost(
        self, writer: LogWriter, redis: Redis, turn_id: UUID
    ) -> None:
        log = TurnLog(turn_id, fence=1, epoch=0, wrote=writer.wrote)
        log.add_text("a")
        await whole(log)
        kept = await redis.dump(keys.turn_log(turn_id))
        log.add_text("b")
        await whole(log)
        await redis.restore(keys.turn_log(turn_id), 0, kept, replace=True)

        log.add_text("c")
        await whole(log)

        assert await text_in(redis, turn_id) == "abc"

    async def test_bounds_the_events_of_a_long_answer(
        self, writer: LogWriter, redis: Redis, turn_id: UUID
    ) -> None:
        log = TurnLog(turn_id, fence=1, epoch=0, wrote=writer.wrote)
        for number in range(LONG_ANSWER_EVENTS):
            log.add({"type": "token", "text": str(number)})
        await whole(log)
        began = time.monotonic()
        for _ in range(20):
            log.add_text("x")
            await asyncio.sleep(0.01)
        await whole(log)
        flushes = (time.monotonic() - began) / LONG_ANSWER_FLUSH_SECONDS

        assert len(log.entries) <= LONG_ANSWER_EVENTS + flushes + 2
        assert (await text_in(redis, turn_id)).endswith("x" * 20)

    async def test_expires(self, writer: LogWriter, redis: Redis, turn_id: UUID) -> None:
        log = TurnLog(turn_id, fence=1, epoch=0, wrote=writer.wrote)
        log.add_text("a")
        await whole(log)

        assert 890 < await redis.ttl(keys.turn_log(turn_id)) <= 900
        assert 890 < await redis.ttl(keys.turn_fence(turn_id)) <= 900

    async def test_shows_everything_while_redis_is_away(self, turn_id: UUID) -> None:
        async with Redis.from_url("redis://127.0.0.1:1/0") as nobody:
            writer = LogWriter(nobody, logs=lambda: 1)
            running = asyncio.create_task(writer.run())
            log = TurnLog(turn_id, fence=1, epoch=0, wrote=writer.wrote)
            log.add_text("a")
            await soon(lambda: writer.is_away)
            log.add_text("b")
            await soon(lambda: len(log.since(0)) == 2)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

        assert len(log.since(0)) == 2
        assert writer.is_away


class TestRaiseFence:
    async def test_never_lowers_it(self, redis: Redis, turn_id: UUID) -> None:
        raised = [await raise_fence(redis, turn_id=turn_id, fence=fence) for fence in (2, 1, 2, 3)]

        assert raised == [True, False, True, True]


class TestStorable:
    @pytest.mark.parametrize(
        ("text", "stored"),
        [
            pytest.param("뇌간 ok", "뇌간 ok", id="what is fine stays"),
            pytest.param("a\0b", "a\N{REPLACEMENT CHARACTER}b", id="NUL"),
            pytest.param("a\ud83d", "a?", id="half a character"),
        ],
    )
    def test_leaves_nothing_that_can_not_be_stored(self, text: str, stored: str) -> None:
        assert storable(text) == stored
