import logging
import time
from collections.abc import Iterator
from typing import cast

import pytest
from pytest_django import Settings

from chatbot import rate_limits
from chatbot.rate_limits import forget, hit
from tests.servers import free_port

DAY_SECONDS = 86_400


def try_it(identity: str = "kim@example.com", *, limit: int = 2) -> int | None:
    return hit(scope="test", identity=identity, limit=limit, window_seconds=DAY_SECONDS)


def names() -> list[str]:
    found = cast("list[bytes]", rate_limits._client().keys("*"))
    return [name.decode() for name in found]


@pytest.fixture
def redis_is_away(settings: Settings) -> Iterator[None]:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    rate_limits._client.cache_clear()
    rate_limits._counting.cache_clear()
    yield
    rate_limits._client.cache_clear()
    rate_limits._counting.cache_clear()
    rate_limits._outage.end()


@pytest.fixture(autouse=True)
def _one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """No window of a rate limit ends in the middle of a test."""
    now = time.time()
    monkeypatch.setattr("chatbot.rate_limits._now", lambda: now)


class TestHit:
    def test_lets_through_up_to_the_limit(self) -> None:
        waits = [try_it(), try_it(), try_it()]

        assert waits[:2] == [None, None]
        assert waits[2] is not None
        assert 0 < waits[2] <= DAY_SECONDS

    def test_counts_each_identity_for_itself(self) -> None:
        try_it(limit=1)

        assert try_it("lee@example.com", limit=1) is None

    def test_keeps_no_name_in_redis(self) -> None:
        try_it()

        assert len(names()) == 1
        assert "kim" not in names()[0]

    def test_leaves_nothing_behind_after_the_window(self) -> None:
        try_it()

        seconds = cast("int", rate_limits._client().ttl(names()[0]))
        assert 0 < seconds <= DAY_SECONDS + 1


class TestForget:
    def test_begins_again(self) -> None:
        try_it(limit=1)

        forget(scope="test", identity="kim@example.com", window_seconds=DAY_SECONDS)

        assert try_it(limit=1) is None


@pytest.mark.usefixtures("redis_is_away")
class TestWithoutRedis:
    def test_limits_nothing(self) -> None:
        assert [try_it(limit=1) for _ in range(3)] == [None] * 3

    def test_says_so_once(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.WARNING)

        for _ in range(3):
            try_it()
            forget(scope="test", identity="kim@example.com", window_seconds=DAY_SECONDS)

        assert [record.message for record in caplog.records] == [
            "rate limits are off until Redis is back: ConnectionError"
        ]

    def test_asks_again_after_a_pause(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING)
        monkeypatch.setattr(rate_limits, "PAUSE_SECONDS", 0.0)

        try_it()
        try_it()

        assert len(caplog.records) == 1
