"""Which jobs are ready, and whose turn it is. Selecting claims nothing.

Fetching is apart from all other work: it waits for servers of others, and takes no slot.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from chatbot.contracts.tasks import QUEUE_OF_STAGE, Queue
from chatbot.documents.models import UNFINISHED_STATES, IngestionJob, JobState

HINT_SECONDS: Final = 10.0
"""A hint that nobody has followed by then is taken for lost."""


@dataclass(frozen=True, slots=True)
class Load:
    """Jobs of a queue that are running, or on their way to a worker."""

    all: int
    """But for those that fetch."""
    long: int
    fetches: int


@dataclass(frozen=True, slots=True)
class ReadyJob:
    job_id: UUID
    person_id: UUID | None
    """Who uploaded the document; None: somebody whose account is gone."""
    is_long: bool = False
    is_fetch: bool = False


def load_of(*, queue: Queue) -> Load:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE stage <> 'fetch'),
                count(*) FILTER (WHERE stage <> 'fetch' AND is_long),
                count(*) FILTER (WHERE stage = 'fetch')
            FROM documents_ingestionjob
            WHERE stage = ANY(%(stages)s) AND (
                (state = 'running' AND leased_until > statement_timestamp())
                OR (state = 'queued'
                    AND hinted_at > statement_timestamp() - make_interval(secs => %(hint)s))
            )
            """,
            {"stages": _stages(queue), "hint": HINT_SECONDS},
        )
        return Load(*cursor.fetchone())


def ready_jobs(*, queue: Queue, per_person: int) -> list[ReadyJob]:
    """The next jobs of everybody but fetches, small documents before huge ones, earlier ones first.

    Of somebody's short documents those that are begun come first: they end one after the other,
    instead of all of them at the very end. `per_person` bounds the short and the long jobs of one
    person, each.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, person, is_long FROM (
                SELECT job.id, document.created_by_id AS person, job.is_long,
                    row_number() OVER (
                        PARTITION BY document.created_by_id, job.is_long
                        ORDER BY version.pages_total, version.size_bytes, version.created_at,
                            job.page_from, job.id
                    ) AS turn
                FROM documents_ingestionjob AS job
                JOIN documents_documentversion AS version ON version.id = job.version_id
                JOIN documents_document AS document ON document.id = version.document_id
                WHERE job.state = 'queued' AND job.run_after <= statement_timestamp()
                    AND job.stage = ANY(%(stages)s) AND job.stage <> 'fetch'
                    AND (job.hinted_at IS NULL
                        OR job.hinted_at <= statement_timestamp() - make_interval(secs => %(hint)s))
                    AND version.state = ANY(%(unfinished)s)
            ) AS ready
            WHERE turn <= %(per_person)s
            ORDER BY is_long, turn, id
            """,
            {
                "stages": _stages(queue),
                "hint": HINT_SECONDS,
                "unfinished": list(UNFINISHED_STATES),
                "per_person": per_person,
            },
        )
        return [ReadyJob(*row) for row in cursor.fetchall()]


def ready_fetches(*, per_person: int) -> list[ReadyJob]:
    """The next fetches of everybody, earlier before later.

    `per_person` bounds how many of one person's are under way together with these.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, person, false, true FROM (
                SELECT id, person, is_under_way, row_number() OVER (
                        PARTITION BY person ORDER BY is_under_way DESC, created_at, id
                    ) AS turn
                FROM (
                    SELECT job.id, job.state, document.created_by_id AS person, version.created_at,
                        (job.state = 'running' AND job.leased_until > statement_timestamp())
                        OR (job.state = 'queued' AND job.hinted_at IS NOT NULL AND job.hinted_at
                            > statement_timestamp() - make_interval(secs => %(hint)s))
                        AS is_under_way
                    FROM documents_ingestionjob AS job
                    JOIN documents_documentversion AS version ON version.id = job.version_id
                    JOIN documents_document AS document ON document.id = version.document_id
                    WHERE job.stage = 'fetch' AND version.state = ANY(%(unfinished)s)
                        AND (job.state = 'running' OR (
                            job.state = 'queued' AND job.run_after <= statement_timestamp()
                        ))
                ) AS fetches
                WHERE is_under_way OR state = 'queued'
            ) AS ordered
            WHERE NOT is_under_way AND turn <= %(per_person)s
            ORDER BY turn, id
            """,
            {
                "hint": HINT_SECONDS,
                "unfinished": list(UNFINISHED_STATES),
                "per_person": per_person,
            },
        )
        return [ReadyJob(*row) for row in cursor.fetchall()]


def take_turns(
    ready: Sequence[ReadyJob],
    *,
    served: dict[UUID | None, int],
    slots: int,
    long_slots: int,
    long_first: bool = False,
) -> list[ReadyJob]:
    """At most `slots` jobs, one for each person in turn, of which `long_slots` may be long.

    Args:
        ready: everybody's jobs, each person's in their order.
        served: remembers, from call to call, in which order people had their turn.
        slots: how many at most.
        long_slots: how many of them may be long.
        long_first: the first one is long, if any is: short ones that come again and again would
            else keep a long document waiting for ever.
    """
    waiting: dict[UUID | None, list[ReadyJob]] = {}
    for job in ready:
        waiting.setdefault(job.person_id, []).append(job)
    clock = max(served.values(), default=0)
    chosen: list[ReadyJob] = []
    while len(chosen) < slots:
        candidates: dict[UUID | None, ReadyJob] = {}
        if long_first and not chosen:
            candidates = _firsts(waiting, lambda job: job.is_long)
        if not candidates:
            may_be_long = long_slots > 0
            candidates = _firsts(waiting, lambda job: may_be_long or not job.is_long)  # noqa: B023 - called here
        if not candidates:
            break
        person = min(candidates, key=lambda person: served.get(person, 0))
        job = candidates[person]
        waiting[person].remove(job)
        long_slots -= job.is_long
        clock += 1
        served[person] = clock
        chosen.append(job)
    return chosen


def mark_hinted(*, job_ids: Iterable[UUID]) -> None:
    """Before the hints are sent: they are on their way."""
    _set_hinted(job_ids, Now())


def unmark_hinted(*, job_ids: Iterable[UUID]) -> None:
    """The hints could not be sent."""
    _set_hinted(job_ids, None)


@transaction.atomic
def _set_hinted(job_ids: Iterable[UUID], hinted_at: Now | None) -> None:
    """Skips what is locked: whoever holds several rows and waits for more may meet a deletion."""
    jobs = IngestionJob.objects.filter(pk__in=list(job_ids), state=JobState.QUEUED)
    free = list(jobs.select_for_update(skip_locked=True).values_list("pk", flat=True))
    IngestionJob.objects.filter(pk__in=free).update(hinted_at=hinted_at)


def _firsts(
    waiting: dict[UUID | None, list[ReadyJob]], fits: Callable[[ReadyJob], bool]
) -> dict[UUID | None, ReadyJob]:
    """Each person's first job that fits."""
    found = {person: next(filter(fits, theirs), None) for person, theirs in waiting.items()}
    return {person: job for person, job in found.items() if job is not None}


def _stages(queue: Queue) -> list[str]:
    return [stage.value for stage, its_queue in QUEUE_OF_STAGE.items() if its_queue is queue]
