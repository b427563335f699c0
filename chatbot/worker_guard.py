"""`python -m chatbot.worker_guard ingest_worker [options of celery]`: a worker and its guard.

The guard is a small process that waits for the worker, and knows how it ended: killed from outside,
which says nothing about documents, or by itself, which may be a document's doing. It tells the
database, so that the jobs in hand go on at once, and ends as the worker did.
"""

import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
from types import FrameType
from typing import Final

from chatbot.sandbox import oom
from chatbot.sandbox.niceness import share_by_niceness

logger = logging.getLogger(__name__)

_PASSED_ON: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
_PR_SET_PDEATHSIG: Final = 1
_KILLED_FROM_OUTSIDE: Final = frozenset({signal.SIGKILL, *_PASSED_ON})


def main() -> int:
    """Runs the worker that the first argument names; returns the status to end with."""
    worker, *options = sys.argv[1:]
    share_by_niceness()
    counter = oom.own_counter_file()
    before = oom.kills(counter)
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "celery", "--quiet", f"--app={worker}.app", "worker"),
            *(f"--queues={worker}", f"--hostname={worker}@%h", *options),
        ],
        preexec_fn=_die_with_guard,  # noqa: PLW1509 - the guard has no threads
    )

    def pass_on(number: int, _: FrameType | None) -> None:
        child.send_signal(number)

    for number in _PASSED_ON:
        signal.signal(number, pass_on)
    status = child.wait()
    if status:
        ran_out = oom.kills(counter) > before
        _tell(worker, child.pid, has_crashed=ran_out or -status not in _KILLED_FROM_OUTSIDE)
    return status if status >= 0 else 128 - status


def _die_with_guard() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _tell(worker: str, pid: int, *, has_crashed: bool) -> None:
    """Without the database the leases end by themselves, and the crash is not counted."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"{worker}.settings")
    # Only now: a guard that waits is to be small.
    import django  # noqa: PLC0415

    django.setup()
    from django.db import DatabaseError  # noqa: PLC0415

    from chatbot.documents.services import ingestion  # noqa: PLC0415

    try:
        ingestion.bury_worker(name=f"{socket.gethostname()}:{pid}", has_crashed=has_crashed)
    except DatabaseError as error:
        logger.warning("the end of the worker is not told: %s", type(error).__name__)


if __name__ == "__main__":
    sys.exit(main())
