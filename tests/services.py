"""A pytest plugin: starts PostgreSQL and Valkey once, before pytest-django reads settings.

With pytest-xdist the controller starts them; every worker has its own database and its own Redis
database.
"""

import contextlib
import os
from collections.abc import Iterator

import pytest
import redis

from tests.servers import postgres_and_valkey

_running = contextlib.ExitStack()


def _start() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ.update(_running.enter_context(postgres_and_valkey()))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) + 1
    os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{number}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatbot.settings.test"


_start()


def pytest_unconfigure() -> None:
    _running.close()


@pytest.fixture(autouse=True)
def _empty_redis() -> Iterator[None]:
    """Every test begins with an empty Redis database."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushdb()
        yield
