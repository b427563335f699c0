"""Between two ticks the leader listens, without a gap."""

import threading
import time
from collections.abc import Iterator

import pytest
from django.conf import settings
from redis import Redis
from redis.exceptions import TimeoutError as RedisTimeout

from chatbot import jobs
from chatbot.contracts import keys
from chatbot.scheduler import leader


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis.from_url(settings.REDIS_URL) as client:
        client.delete(keys.SCHEDULER_WAKE)
        yield client


class Clock:
    """In place of the module `time`."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class TestWaitForWake:
    def test_ends_at_once_when_somebody_has_work(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(leader, "TICK_SECONDS", 60)
        waker = threading.Timer(0.2, redis.lpush, [keys.SCHEDULER_WAKE, 1])
        waker.start()
        began = time.monotonic()

        leader.wait_for_wake()

        assert time.monotonic() - began < 30
        waker.join()

    @pytest.mark.usefixtures("redis")
    def test_listens_for_longer_than_any_other_call_may_take(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A call that timed out would leave the leader deaf until the next tick."""
        monkeypatch.setattr(leader, "TICK_SECONDS", settings.REDIS_TIMEOUT_SECONDS + 0.5)
        client = jobs.redis_client(blocking_seconds=leader.TICK_SECONDS)
        before = client.client_id()

        leader.wait_for_wake()

        assert client.client_id() == before

    @pytest.mark.parametrize(("lost", "left"), [(0.0, 2.0), (0.5, 1.5), (3.0, 0.0)])
    def test_waits_for_the_rest_of_a_tick_when_redis_fails(
        self, lost: float, left: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = Clock()

        def swallow(*_: object, **__: object) -> None:
            clock.now += lost
            raise RedisTimeout

        monkeypatch.setattr(leader, "TICK_SECONDS", 2.0)
        monkeypatch.setattr(leader, "time", clock)
        monkeypatch.setattr(Redis, "brpop", swallow)

        leader.wait_for_wake()

        assert clock.slept == [left]
