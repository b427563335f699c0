"""Which processes run jobs, so that people can see them and have them stop taking more."""

from datetime import timedelta
from typing import Final

from django.db import connection
from django.db.models.functions import Now

from chatbot.contracts.errors import NotFound
from chatbot.contracts.tasks import Queue
from chatbot.documents.models import Worker

ALIVE_SECONDS: Final = 15
"""Whoever has said nothing for so long is taken for dead."""
_KEPT_DAYS: Final = 7


def tell_alive(*, name: str, queue: Queue, slots: int, missing_walls: str = "") -> bool:
    """A worker says that it is there, again and again; True: it is asked to take no more jobs."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO documents_worker (name, queue, slots, missing_walls, is_draining)
            VALUES (%s, %s, %s, %s, false)
            ON CONFLICT (name) DO UPDATE
            SET seen_at = statement_timestamp(), slots = excluded.slots,
                missing_walls = excluded.missing_walls, ended_at = NULL
            RETURNING is_draining
            """,
            [name, queue.value, slots, missing_walls],
        )
        return bool(cursor.fetchone()[0])


def tell_ended(*, name: str) -> None:
    """A worker ends in good order."""
    Worker.objects.filter(pk=name).update(ended_at=Now())


def set_draining(*, name: str, is_draining: bool) -> None:
    """Has a worker take no more jobs, or take some again; it learns of it within seconds.

    Raises:
        NotFound: it is not known, or no longer.
    """
    if not Worker.objects.filter(pk=name).update(is_draining=is_draining):
        raise NotFound("There is no such worker.", way_out="Look at the list again.")


def remove_old_workers() -> int:
    """Forgets workers that have been gone for days. Returns how many."""
    too_old = Now() - timedelta(days=_KEPT_DAYS)
    return Worker.objects.filter(seen_at__lt=too_old).delete()[0]
