"""A pytest plugin: starts PostgreSQL and Valkey once, before pytest-django reads settings.

With pytest-xdist the controller starts them; every worker has its own database and its own Redis
database.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any, Final

import pytest
import redis
from django.db import OperationalError, connection
from psycopg.errors import DeadlockDetected, LockNotAvailable

from tests.servers import postgres_and_valkey

MAX_FLUSHES: Final = 3
DROP_MILLISECONDS: Final = 300_000
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


@pytest.fixture(scope="session", autouse=True)
def _repeated_flush() -> Iterator[None]:
    """A database is emptied behind its test though another process still asks it something.

    TRUNCATE takes all tables in an order of its own; where a query has some of them, the flush may
    be the one that PostgreSQL ends.
    """
    flush = connection.ops.execute_sql_flush

    def flush_again(statements: list[str]) -> None:
        for left in reversed(range(MAX_FLUSHES)):
            try:
                flush(statements)
            except OperationalError as error:
                if not left or not isinstance(error.__cause__, DeadlockDetected | LockNotAvailable):
                    raise
            else:
                break

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection.ops, "execute_sql_flush", flush_again)
        yield


@pytest.fixture(scope="session", autouse=True)
def _unhurried_drop() -> Iterator[None]:
    """Dropping the test's database waits for a checkpoint: on a slow disk longer than any query."""
    drop = connection.creation.destroy_test_db

    def drop_unhurried(*arguments: Any, **named: Any) -> None:  # noqa: ANN401 - they are Django's
        connection.settings_dict["OPTIONS"]["options"] = f"-c statement_timeout={DROP_MILLISECONDS}"
        drop(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection.creation, "destroy_test_db", drop_unhurried)
        yield
