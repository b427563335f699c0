"""Sends a few hints: enough that no worker idles, so few that nobody waits behind another."""

from typing import Final
from uuid import UUID

from chatbot import jobs
from chatbot.contracts.tasks import Queue
from chatbot.documents.services import ingestion

SLOTS_UNTIL_KNOWN: Final = 2
"""Of a queue whose workers have not reported yet."""
SPARE_HINTS: Final = 1
"""Beyond the free slots: the next job is at hand when one ends."""
_PEOPLE_REMEMBERED: Final = 10_000


class Dispatcher:
    """Keeps one queue's workers busy, in turns between people."""

    def __init__(self, *, queue: Queue) -> None:
        self._queue = queue
        self._served: dict[UUID | None, int] = {}

    def dispatch(self) -> int:
        """Sends what there is room for. Returns the number of hints."""
        broker = jobs.broker_load(queue=self._queue)
        if broker is None:
            return 0
        slots = SLOTS_UNTIL_KNOWN if broker.slots is None else broker.slots
        if not slots:
            return 0
        load = ingestion.load_of(queue=self._queue)
        room = slots + SPARE_HINTS - load.all
        if room <= 0 or broker.hints > slots:
            return 0
        chosen = ingestion.take_turns(
            ingestion.ready_jobs(queue=self._queue, per_person=room),
            served=self._served,
            slots=room,
            long_slots=max(1, slots - 1) - load.long,
            long_first=slots > 1 and not load.long,
        )
        if len(self._served) > _PEOPLE_REMEMBERED:
            self._served.clear()
        return self._send([job.job_id for job in chosen])

    def _send(self, job_ids: list[UUID]) -> int:
        if not job_ids:
            return 0
        ingestion.mark_hinted(job_ids=job_ids)
        for sent, job_id in enumerate(job_ids):
            if not jobs.send_hint(queue=self._queue, job_id=job_id):
                ingestion.unmark_hinted(job_ids=job_ids[sent:])
                return sent
        return len(job_ids)
