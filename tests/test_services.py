from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg import errors, sql

from chatbot.accounts.models import User
from tests.child_processes import PROJECT, child_environment, wait_until
from tests.factories.accounts import make_user
from tests.services import MAX_FLUSHES
from tests.test_short_transactions import asked

WAITS = "SELECT FROM pg_locks WHERE relation = %s::regclass AND NOT granted"


@pytest.fixture
def tables(transactional_db: None) -> list[str]:  # noqa: ARG001 - the database comes first
    """In the order in which a flush takes them."""
    return connection.introspection.django_table_names(only_existing=True, include_views=False)


@pytest.fixture
def query(tables: list[str]) -> Iterator[psycopg.Connection]:
    """Another process's, which has the last table; it is never the victim of a deadlock."""
    address = child_environment(settings_module="", home=PROJECT)["DATABASE_URL"]
    with psycopg.connect(address, options="-c deadlock_timeout=1min") as other:
        take(other, tables[-1])
        yield other


@pytest.fixture
def limit(transactional_db: None) -> Iterator[Callable[[str, int], None]]:  # noqa: ARG001 - as above
    """Sets a limit in milliseconds for the session that flushes."""

    def set_limit(name: str, milliseconds: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, false)", [name, str(milliseconds)])

    yield set_limit
    connection.close()


def take(query: psycopg.Connection, table: str) -> None:
    """Reads a table; others may read and write it until the end of the transaction."""
    query.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(table)))


def flush() -> None:
    """As it is done behind a test."""
    call_command("flush", interactive=False, verbosity=0, inhibit_post_migrate=True)


def tries(statements: list[str]) -> int:
    return sum(one.startswith("TRUNCATE") for one in statements)


class TestFlush:
    def test_is_repeated_when_it_was_the_victim_of_a_deadlock(
        self, tables: list[str], query: psycopg.Connection, limit: Callable[[str, int], None]
    ) -> None:
        make_user()
        limit("deadlock_timeout", 500)

        def cross() -> None:
            wait_until(
                lambda: bool(query.execute(WAITS, [tables[-1]]).rowcount), seconds=5, what="flush"
            )
            take(query, tables[0])
            query.commit()

        with ThreadPoolExecutor() as threads, asked() as statements:
            crossing = threads.submit(cross)
            flush()

        assert crossing.exception() is None
        assert tries(statements) == 2
        assert not User.objects.exists()

    @pytest.mark.usefixtures("query")
    @pytest.mark.parametrize(
        ("name", "cause", "count"),
        [
            pytest.param("lock_timeout", errors.LockNotAvailable, MAX_FLUSHES, id="a few times"),
            pytest.param("statement_timeout", errors.QueryCanceled, 1, id="nothing else"),
        ],
    )
    def test_fails_as_it_would_by_itself(
        self, name: str, cause: type[Exception], count: int, limit: Callable[[str, int], None]
    ) -> None:
        limit(name, 50)

        with asked() as statements, pytest.raises(CommandError) as failed:
            flush()

        assert isinstance(failed.value.__cause__, Exception)
        assert isinstance(failed.value.__cause__.__cause__, cause)
        assert tries(statements) == count
