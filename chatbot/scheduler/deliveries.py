"""Delivers webhooks beside the scheduler's loop: receivers may be slow, and the loop may not."""

import contextlib
import logging
import threading
import time
from typing import Final

from django.db import connection

from chatbot.scheduler.housekeeping import AWAY
from chatbot.webhooks.services.claims import due_webhooks
from chatbot.webhooks.services.sending import deliver_next

logger = logging.getLogger(__name__)

THREADS: Final = 8
"""Each holds a connection to PostgreSQL while there is something to send."""
END_SECONDS: Final = 3.0
"""What is on its way may arrive until then; what doesn't is sent again."""


class Deliverer:
    """Starts threads while something is due; each ends when nothing is.

    Who sends what is decided in PostgreSQL: another process may do the same.
    """

    def __init__(self) -> None:
        self._threads: set[threading.Thread] = set()
        self._ending = threading.Event()

    def tick(self) -> None:
        """Starts what threads there is work for; raises what `AWAY` names."""
        self._threads = {thread for thread in self._threads if thread.is_alive()}
        room = THREADS - len(self._threads)
        if room <= 0:
            return
        for _ in due_webhooks().order_by().values_list("pk", flat=True)[:room]:
            # Daemons: a receiver that doesn't answer must not keep the process from ending.
            thread = threading.Thread(target=self._deliver, name="webhooks", daemon=True)
            self._threads.add(thread)
            thread.start()

    def end(self) -> None:
        """Begins nothing more, and waits a little for what is on its way."""
        self._ending.set()
        until = time.monotonic() + END_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _deliver(self) -> None:
        try:
            while not self._ending.is_set() and deliver_next():
                pass
        except AWAY as error:
            logger.warning("webhooks wait for PostgreSQL: %s", type(error).__name__)
        except Exception:
            logger.exception("a delivery could not be recorded")
        finally:
            with contextlib.suppress(*AWAY):
                connection.close()
