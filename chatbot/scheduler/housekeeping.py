"""What the leader looks after, each thing at its own pace."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.db import DatabaseError, InterfaceError, ProgrammingError, connection

from chatbot.accounts.services import tokens
from chatbot.conversations.services import completions
from chatbot.documents.services import files, ingestion
from chatbot.uploads.services import finishing, idempotency
from chatbot.webhooks.services import upkeep

logger = logging.getLogger(__name__)

AWAY: Final = (DatabaseError, InterfaceError)
"""PostgreSQL does not answer, or has no schema yet."""


@dataclass(slots=True)
class Chore:
    """Something to do every few seconds; at once again while there is more of it."""

    do: Callable[[], int]
    every_seconds: float
    at_once: int = 0
    """So many done at a time mean that there may be more; 0: never."""
    due: float = 0.0


class Housekeeping:
    """What has expired, got stuck or grown old, and files without a document."""

    def __init__(self) -> None:
        self._chores: Final = [
            Chore(ingestion.reconcile, every_seconds=5),
            Chore(ingestion.repair_versions, every_seconds=5),
            Chore(tokens.remove_expired_links, every_seconds=3600),
            Chore(tokens.remove_expired_sessions, every_seconds=3600),
            Chore(
                completions.remove_old_completions,
                every_seconds=3600,
                at_once=completions.OLD_AT_ONCE,
            ),
            Chore(
                ingestion.remove_superseded,
                every_seconds=10,
                at_once=ingestion.SUPERSEDED_AT_ONCE,
            ),
            Chore(ingestion.remove_old_workers, every_seconds=3600),
            Chore(
                ingestion.remove_old_attempts,
                every_seconds=3600,
                at_once=ingestion.OLD_ATTEMPTS_AT_ONCE,
            ),
            Chore(
                finishing.remove_expired_uploads,
                every_seconds=60,
                at_once=finishing.EXPIRED_AT_ONCE,
            ),
            Chore(
                idempotency.remove_old_keys,
                every_seconds=600,
                at_once=idempotency.OLD_AT_ONCE,
            ),
            Chore(
                upkeep.remove_old_deliveries,
                every_seconds=600,
                at_once=upkeep.OLD_AT_ONCE,
            ),
            Chore(upkeep.fail_forgotten_deliveries, every_seconds=60),
            Chore(files.remove_orphans, every_seconds=30, at_once=files.ORPHANS_AT_ONCE),
        ]

    def run(self) -> None:
        """Does what is due. Only PostgreSQL's absence is raised.

        A chore that fails stops no other, whether by a bug or because PostgreSQL does not get to it
        in time.
        """
        for chore in self._chores:
            if chore.due <= time.monotonic():
                self._do(chore)

    @staticmethod
    def _do(chore: Chore) -> None:
        name = getattr(chore.do, "__name__", "chore")
        done = 0
        try:
            done = chore.do()
        except Exception as error:
            if _is_away(error):
                raise
            logger.exception("%s failed", name)
        if done:
            logger.info("%s: %d", name, done)
        again_at_once = chore.at_once and done >= chore.at_once
        chore.due = time.monotonic() + (0.0 if again_at_once else chore.every_seconds)


def _is_away(error: Exception) -> bool:
    """Whether it is PostgreSQL itself: without a schema, or its session, and so our lock, gone."""
    if isinstance(error, ProgrammingError):
        return True
    return isinstance(error, AWAY) and not connection.is_usable()
