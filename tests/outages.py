"""PostgreSQL that is away for everybody but the test that takes it away."""

import contextlib
import os
from collections.abc import Iterator

import psycopg
from django.db import connection
from psycopg import sql


@contextlib.contextmanager
def postgres_outage() -> Iterator[None]:
    """Ends all sessions of the test's database, and lets nobody in while the block runs."""
    name = connection.settings_dict["NAME"]
    connection.close()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
        _allow(other, name, is_allowed=False)
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            _allow(other, name, is_allowed=True)


def _allow(other: psycopg.Connection, name: str, *, is_allowed: bool) -> None:
    statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    other.execute(statement.format(sql.Identifier(name), sql.Literal(is_allowed)))
