"""What another process does at the same moment: a thread with a connection of its own."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from django.db import connection

Result = TypeVar("Result")
PATIENCE_SECONDS = 20


def elsewhere(do: Callable[[], Result]) -> Result:
    """Has it done while the test waits; gives or raises what came of it."""
    return begin_elsewhere(do).result(PATIENCE_SECONDS)


def begin_elsewhere(do: Callable[[], Result]) -> "Future[Result]":
    """Has it done while the test goes on."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(do())
        except Exception as error:  # noqa: BLE001 - raised again where somebody asks for it
            future.set_exception(error)
        finally:
            connection.close()

    Thread(target=run, daemon=True).start()
    return future


def wait_for_lock() -> None:
    """Until somebody waits for a row that this test holds."""
    wait_until(_somebody_waits)


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.02)


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        # A transaction else sees for ever what it saw at first.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
        row = cursor.fetchone()
    return bool(row and row[0])
