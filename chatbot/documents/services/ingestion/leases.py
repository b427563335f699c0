"""Keeps the leases of one worker process alive, and gives them up when it has to go."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from django.db import (
    InterfaceError,
    InternalError,
    OperationalError,
    close_old_connections,
    connection,
)

from chatbot import jobs
from chatbot.contracts.tasks import Queue, Stage
from chatbot.documents.services.ingestion.claims import (
    HEARTBEAT_SECONDS,
    Claim,
    LeaseLost,
    release_job,
    renew_lease,
)
from chatbot.documents.services.ingestion.workers import tell_alive, tell_ended
from chatbot.pulse import Pulse

if TYPE_CHECKING:
    from uuid import UUID

logger = logging.getLogger(__name__)

AWAY: Final = (OperationalError, InterfaceError, InternalError)
"""PostgreSQL can't be reached, does not get to it in time, ended a session that had frozen, or only
lets itself be read, as after a failover."""
_LOOK_SECONDS: Final = 1.0
_SILENT_SECONDS: Final = 30.0
"""After so long without a word to PostgreSQL a worker isn't well."""


class WorkerStopping(Exception):
    """The worker was asked to end: stop where you are."""


class Lease:
    """A claim that is kept alive in the background."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.is_lost = False
        self.is_stopping = False

    def check(self) -> None:
        """To be called between steps.

        Raises:
            LeaseLost: somebody else has the job, or it is gone.
            WorkerStopping: the worker ends.
        """
        if self.is_lost:
            raise LeaseLost
        if self.is_stopping:
            raise WorkerStopping


class Company:
    """Who works beside whom: many together, or one alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._together = 0
        self._is_alone = False
        self._wait_alone = 0

    @contextlib.contextmanager
    def joined(self, *, alone: bool, is_over: Callable[[], bool]) -> Iterator[None]:
        """Waits until there is room; who is to be alone comes before those who come later.

        `is_over` is asked before and while it waits: whether there is nothing left to wait for. The
        block runs then as well, beside whomever.
        """
        with self._changed:
            has_room = self._join_alone(is_over) if alone else self._join(is_over)
        try:
            yield
        finally:
            with self._changed:
                if has_room:
                    self._is_alone = False
                    self._together -= not alone
                self._changed.notify_all()

    def _join(self, is_over: Callable[[], bool]) -> bool:
        has_room = self._waited(lambda: not self._is_alone and not self._wait_alone, is_over)
        self._together += has_room
        return has_room

    def _join_alone(self, is_over: Callable[[], bool]) -> bool:
        self._wait_alone += 1
        has_room = self._waited(lambda: not self._is_alone and not self._together, is_over)
        self._wait_alone -= 1
        self._is_alone |= has_room
        return has_room

    def _waited(self, has_room: Callable[[], bool], is_over: Callable[[], bool]) -> bool:
        while not is_over():
            if self._changed.wait_for(has_room, _LOOK_SECONDS):
                return True
        return False


class LeaseKeeper:
    """One per process: a thread renews all leases and reports the worker's slots."""

    def __init__(self, *, queue: Queue, worker: str) -> None:
        self.queue = queue
        self.worker = worker
        self.missing_walls = ""
        """Of the sandbox, for people who look at the worker; known once it has started."""
        self.heartbeat = Pulse(within_seconds=_SILENT_SECONDS)
        """Beats while PostgreSQL is told that the worker lives."""
        self._slots = 0
        self._is_draining = False
        self._on_draining: Callable[[bool], None] = lambda _: None
        self._leases: dict[UUID, Lease] = {}
        self._company = Company()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    def on_draining(self, call: Callable[[bool], None]) -> None:
        """`call` is told, in the keeper's thread: True, take no more jobs; False, go on."""
        self._on_draining = call

    def start(self, *, slots: int) -> None:
        """`slots`: jobs that the worker can run at once."""
        self._slots = slots
        self._thread.start()

    def stop(self) -> None:
        """Gives all jobs back at once; what their threads still write doesn't count."""
        self._stopping.set()
        try:
            for lease in self._held():
                lease.is_stopping = True
                release_job(lease.claim)
            tell_ended(name=self.worker)
        except AWAY as error:
            logger.warning("leases end by themselves: %s", type(error).__name__)
        finally:
            connection.close()
        self._withdraw()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    @contextlib.contextmanager
    def hold(self, claim: Claim) -> Iterator[Lease]:
        """Keeps the claim alive while the block runs; a suspect one has the worker for itself."""
        lease = Lease(claim)

        def is_over() -> bool:
            if claim.is_suspect:
                self._interrupt_fetches()
            return lease.is_lost or lease.is_stopping

        with self._lock:
            self._leases[claim.token] = lease
        # Looked at after it can be found: `stop` tells those that it finds, and is never missed.
        if self.is_stopping:
            lease.is_stopping = True
        try:
            with self._company.joined(alone=claim.is_suspect, is_over=is_over):
                yield lease
        finally:
            with self._lock:
                del self._leases[claim.token]

    def _interrupt_fetches(self) -> None:
        """They may take minutes, in which all others would wait behind who wants to be alone."""
        for lease in self._held():
            if lease.claim.stage is Stage.FETCH:
                lease.is_stopping = True

    def _held(self) -> list[Lease]:
        with self._lock:
            return list(self._leases.values())

    def _run(self) -> None:
        while True:
            self._tell_alive()
            if self._stopping.wait(HEARTBEAT_SECONDS):
                return
            self.renew()

    def _tell_alive(self) -> None:
        """The scheduler reads slots from Redis, people read workers from PostgreSQL."""
        try:
            close_old_connections()
            is_draining = tell_alive(
                name=self.worker,
                queue=self.queue,
                slots=self._slots,
                missing_walls=self.missing_walls,
            )
            self.heartbeat.beat()
            if is_draining != self._is_draining:
                self._withdraw()
                self._is_draining = is_draining
                self._on_draining(is_draining)
        except AWAY as error:
            logger.warning("worker not seen: %s", type(error).__name__)
            connection.close()
        jobs.report_slots(queue=self.queue, worker=self.worker, slots=self._offered())

    def _withdraw(self) -> None:
        jobs.withdraw_slots(queue=self.queue, worker=self.worker, slots=self._offered())

    def _offered(self) -> int:
        return 0 if self._is_draining else self._slots

    def renew(self) -> None:
        """Renews once. PostgreSQL away: tries at the next beat, three of which fit a lease."""
        held = self._held()
        if not held:
            return
        try:
            close_old_connections()
            for lease in held:
                lease.is_lost = not renew_lease(lease.claim)
        except AWAY as error:
            logger.warning("leases not renewed: %s", type(error).__name__)
            connection.close()
