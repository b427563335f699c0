"""How a worker process is put together: a Celery application that does nothing but take hints.

Whatever Celery offers beyond fetching a message is switched off: the work, its order, its retries
and its results are rows in PostgreSQL.
"""

import contextlib
import logging
import os
import socket
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any, Final

from celery import Celery
from celery.concurrency.thread import TaskPool
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging, worker_init, worker_ready, worker_shutting_down
from celery.worker.consumer import Consumer
from django.conf import settings

from chatbot.contracts.tasks import Queue
from chatbot.documents.services.ingestion import LeaseKeeper
from chatbot.metrics_server import serve_metrics
from chatbot.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

SLOTS: Final = {Queue.OCR_WORKER: 3, Queue.INGEST_WORKER: 4}
"""Two cores are busy with a long document, and a short one finds a slot free all the same. Who
indexes waits for PostgreSQL in between: two of a long document's jobs left a fifth of the cores
idle."""
_WAKES_AT_ONCE: Final = 1024
_LOOP_SECONDS: Final = 5
_STUCK_SECONDS: Final = 30.0
"""The loop that fetches hints waits for nothing longer than its time-outs, which are shorter."""
NICENESS: Final = 10
"""Below every process that somebody waits for."""
GRACE_SECONDS: Final = 3.0
"""For threads to notice that the worker ends, after their jobs have been given back."""


class QuietConsumer(Consumer):
    """A consumer that does not talk with other workers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Celery's own
        quiet = {"without_mingle": True, "without_gossip": True, "without_heartbeat": True}
        super().__init__(*args, **{**kwargs, **quiet})

    def take_jobs(self, queue: str, *, are_wanted: bool) -> None:
        """From any thread: begins or ends to fetch from the queue; what is running runs on."""
        hub: Any = self.hub  # type: ignore[attr-defined]  # Celery's types lack it
        hub.call_soon(self.add_task_queue if are_wanted else self.cancel_task_queue, queue)
        self.pool.wake()


class WakingPool(TaskPool):
    """A pool of threads that can wake the loop of the main thread, as when a slot becomes free.

    The loop fetches nothing while all slots are taken, and then sleeps until something happens to
    a connection: without this, up to ten seconds after the slot is free.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Celery's own
        super().__init__(*args, **kwargs)
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def register_with_event_loop(self, loop: Any) -> None:  # noqa: ANN401 - a kombu hub
        loop.add_reader(self._reader, self._drain)

    def on_apply(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Celery's own
        result = super().on_apply(*args, **kwargs)
        result.f.add_done_callback(self.wake)
        return result

    def wake(self, _: object = None) -> None:
        # Full: the loop has been told often enough.
        with contextlib.suppress(BlockingIOError):
            os.write(self._writer, b"!")

    def _drain(self, *_: object) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, _WAKES_AT_ONCE)


def make_keeper(*, queue: Queue) -> LeaseKeeper:
    """Keeps the leases of this process, whose name tells where it runs."""
    return LeaseKeeper(queue=queue, worker=f"{socket.gethostname()}:{os.getpid()}")


def make_worker(*, keeper: LeaseKeeper, tasks: str, warm_up: "Callable[[], list[str]]") -> Celery:
    """The application of the worker that serves the keeper's queue.

    Args:
        keeper: begins and ends with the worker.
        tasks: the module that registers the worker's task.
        warm_up: called once, when the worker starts; tells which walls its sandbox lacks.
    """
    queue = keeper.queue.value
    _quieten()
    # No fixups: Celery's own for Django opens a new connection to PostgreSQL for every task.
    app = Celery(queue, fixups=[], include=[tasks])
    app.conf.update(
        settings.CELERY,
        task_default_queue=queue,
        worker_pool=f"{__name__}:{WakingPool.__name__}",
        worker_concurrency=SLOTS[keeper.queue],
        worker_consumer=f"{__name__}:{QuietConsumer.__name__}",
        worker_enable_remote_control=False,
        worker_redirect_stdouts=False,
        # A hint stays in Redis until a slot is free, where any worker can take it.
        worker_disable_prefetch=True,
    )

    def begin(sender: Any, **_: object) -> None:  # noqa: ANN401 - Celery's types lack its slots
        os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
        keeper.start(slots=sender.concurrency)
        keeper.missing_walls = ", ".join(warm_up())

    def tell(sender: Any, **_: object) -> None:  # noqa: ANN401 - a QuietConsumer
        keeper.on_draining(lambda is_draining: sender.take_jobs(queue, are_wanted=not is_draining))
        loop = Pulse(within_seconds=_STUCK_SECONDS)
        sender.hub.call_repeatedly(_LOOP_SECONDS, loop.beat)
        serve_metrics(
            port=settings.METRICS_PORT, is_well=lambda: loop.is_felt and keeper.heartbeat.is_felt
        )
        logger.info("%s is ready", queue)

    def end(**_: object) -> None:
        # This is a signal handler: everything that may wait happens elsewhere.
        threading.Thread(target=_leave, args=[keeper], daemon=True).start()

    worker_init.connect(begin, weak=False)
    worker_ready.connect(tell, weak=False)
    worker_shutting_down.connect(end, weak=False)
    return app


def _quieten() -> None:
    """Leaves logging to Django's settings; a line for what goes wrong, none for each task."""
    setup_logging.connect(_leave_logging_alone, weak=False)
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Celery warns of root because of pickle; here only JSON is accepted.
    warnings.filterwarnings("ignore", category=SecurityWarning)


def _leave_logging_alone(**_: object) -> None:
    """Celery configures no logging where this signal has a receiver."""


def _leave(keeper: LeaseKeeper) -> None:
    try:
        keeper.stop()
        time.sleep(GRACE_SECONDS)
    finally:
        # A thread still waits for a reader or a server; what it would write doesn't count any more.
        os._exit(0)
