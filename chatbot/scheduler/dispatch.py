"""Sends a few hints: enough that no worker idles, so few that nobody waits behind another."""

from typing import TYPE_CHECKING, Final

from chatbot import jobs
from chatbot.contracts.tasks import QUEUE_OF_STAGE, Queue, Stage
from chatbot.documents.services import ingestion

if TYPE_CHECKING:
    from uuid import UUID

SLOTS_UNTIL_KNOWN: Final = 2
"""Of a queue whose workers have not reported yet."""
SPARE_HINTS: Final = 1
"""Beyond the free slots: the next job is at hand when one ends."""
FETCHES_PER_SLOT: Final = 2
"""Beside the slots: files that are fetched at once, half of which may be one person's."""
_PEOPLE_REMEMBERED: Final = 10_000


class Dispatcher:
    """Keeps one queue's workers busy, in turns between people."""

    def __init__(self, *, queue: Queue) -> None:
        self._queue = queue
        self._served: dict[UUID | None, int] = {}
        self._fetched: dict[UUID | None, int] = {}

    def dispatch(self) -> int:
        """Sends what there is room for. Returns the number of hints."""
        broker = jobs.broker_load(queue=self._queue)
        if broker is None:
            return 0
        slots = SLOTS_UNTIL_KNOWN if broker.slots is None else broker.slots
        if not slots or broker.hints > slots:
            return 0
        load = ingestion.load_of(queue=self._queue)
        chosen = [*self._next_jobs(slots, load), *self._next_fetches(slots, load)]
        for served in (self._served, self._fetched):
            if len(served) > _PEOPLE_REMEMBERED:
                served.clear()
        return self._send(chosen)

    def _next_jobs(self, slots: int, load: ingestion.Load) -> list[ingestion.ReadyJob]:
        room = slots + SPARE_HINTS - load.all
        if room <= 0:
            return []
        return ingestion.take_turns(
            ingestion.ready_jobs(queue=self._queue, per_person=room),
            served=self._served,
            slots=room,
            long_slots=max(1, slots - 1) - load.long,
            long_first=slots > 1 and not load.long,
        )

    def _next_fetches(self, slots: int, load: ingestion.Load) -> list[ingestion.ReadyJob]:
        """However slow the servers of some are, no slot waits for them, and others have a turn."""
        limit = FETCHES_PER_SLOT * slots
        if QUEUE_OF_STAGE[Stage.FETCH] is not self._queue or load.fetches >= limit:
            return []
        return ingestion.take_turns(
            ingestion.ready_fetches(per_person=limit // 2),
            served=self._fetched,
            slots=limit - load.fetches,
            long_slots=0,
        )

    def _send(self, chosen: list[ingestion.ReadyJob]) -> int:
        if not chosen:
            return 0
        ingestion.mark_hinted(job_ids=[job.job_id for job in chosen])
        for sent, job in enumerate(chosen):
            if not jobs.send_hint(queue=self._queue, job_id=job.job_id, is_fetch=job.is_fetch):
                ingestion.unmark_hinted(job_ids=[job.job_id for job in chosen[sent:]])
                return sent
        return len(chosen)
