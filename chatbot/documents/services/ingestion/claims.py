"""Claims: a worker's right to one job, for as long as its lease is renewed.

The row is the work. Whoever holds `lease_token` may write; every write locks the version first and
then the job, so that two writers of one document never wait for each other in a circle.
"""

import contextlib
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from chatbot import jobs
from chatbot.contracts.tasks import QUEUE_OF_STAGE, Queue, Stage
from chatbot.documents.models import (
    UNFINISHED_STATES,
    AttemptOutcome,
    DocumentVersion,
    IngestionJob,
    JobState,
    VersionState,
)
from chatbot.documents.services.ingestion.attempts import close_claim
from chatbot.documents.services.news import announce

LEASE_SECONDS: Final = 15.0
HEARTBEAT_SECONDS: Final = 4.0


class LeaseLost(Exception):
    """The job is somebody else's by now, or was cancelled or deleted: stop, and write nothing."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker needs to know of its job; `token` is the fence of all that it writes."""

    job_id: UUID
    token: UUID
    stage: Stage
    page_from: int
    page_to: int
    version_id: UUID
    brain_id: UUID
    source_url: str
    storage_name: str
    media_type: str
    engine: str
    """The OCR engine that was asked for; empty: the usual one."""
    is_reread: bool
    """Somebody has asked for the file to be read anew."""
    is_suspect: bool
    """A worker has ended by itself over it: nothing else is to run beside it."""

    @property
    def queue(self) -> Queue:
        return QUEUE_OF_STAGE[self.stage]


@dataclass(frozen=True, slots=True)
class Fenced:
    """The rows of a claim that is current, locked until the transaction ends."""

    version: DocumentVersion
    job: IngestionJob


_CLAIM: Final = """
WITH claimed AS (
    UPDATE documents_ingestionjob AS job
    SET state = 'running', lease_token = %(token)s, worker = %(worker)s, hinted_at = NULL,
        leased_until = statement_timestamp() + make_interval(secs => %(seconds)s),
        started_at = coalesce(job.started_at, statement_timestamp())
    FROM documents_documentversion AS version
    JOIN documents_document AS document ON document.id = version.document_id
    WHERE job.id = (
            SELECT id FROM documents_ingestionjob
            WHERE id = %(job_id)s AND state = 'queued' AND run_after <= statement_timestamp()
            FOR UPDATE SKIP LOCKED
        )
        AND version.id = job.version_id
        AND version.state = ANY(%(unfinished)s)
    RETURNING job.stage, job.page_from, job.page_to, version.id, document.brain_id,
        document.source_url, version.storage_name, version.media_type, version.engine,
        version.number > 1, job.crashes > 0
), begun AS (
    INSERT INTO documents_jobattempt (id, job_id, worker, outcome, error_code)
    SELECT %(token)s, %(job_id)s, %(worker)s, 'running', '' FROM claimed
)
SELECT * FROM claimed
"""


def claim_job(*, job_id: UUID, worker: str) -> Claim | None:
    """Takes a job that is queued and due. None: there is nothing to do, whatever the hint said."""
    token = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "job_id": job_id,
                "token": token,
                "worker": worker[:200],
                "seconds": LEASE_SECONDS,
                "unfinished": list(UNFINISHED_STATES),
            },
        )
        row = cursor.fetchone()
    if row is None:
        return None
    claim = Claim(job_id, token, Stage(row[0]), *row[1:])
    if claim.stage in {Stage.FETCH, Stage.OPEN}:
        _show_reading(claim)
    return claim


def claim_next(claim: Claim, *, stages: Collection[Stage], worker: str) -> Claim | None:
    """Takes another job of the same document, if it is a short one and has one that is due."""
    following = (
        IngestionJob.objects.filter(
            version=claim.version_id,
            stage__in=stages,
            state=JobState.QUEUED,
            is_long=False,
            run_after__lte=Now(),
        )
        .exclude(pk=claim.job_id)
        .order_by("page_from")
        .values_list("pk", flat=True)
        .first()
    )
    return claim_job(job_id=following, worker=worker) if following else None


def renew_lease(claim: Claim) -> bool:
    """Renews a lease; False: it is no longer the claimer's.

    One at a time: who holds one row and waits for another may meet a deletion that does the same.
    """
    renewed = IngestionJob.objects.filter(
        pk=claim.job_id, lease_token=claim.token, state=JobState.RUNNING
    ).update(leased_until=Now() + timedelta(seconds=LEASE_SECONDS))
    return renewed == 1


@transaction.atomic
def release_job(claim: Claim) -> None:
    """Gives a job back, to be continued by anybody; it counts neither as fault nor as death."""
    given_back = IngestionJob.objects.filter(pk=claim.job_id, lease_token=claim.token).update(
        state=JobState.QUEUED, lease_token=None, leased_until=None, run_after=Now()
    )
    if given_back:
        close_claim(claim.token, AttemptOutcome.GIVEN_BACK)
        jobs.wake_scheduler()


@contextlib.contextmanager
def fenced(claim: Claim) -> Iterator[Fenced]:
    """One transaction that counts only while the lease is the claimer's.

    Raises:
        LeaseLost: it is not; nothing is written.
    """
    with transaction.atomic():
        version = (
            DocumentVersion.objects.select_for_update(no_key=True, of=("self",))
            .select_related("document")
            .filter(pk=claim.version_id, state__in=UNFINISHED_STATES)
            .first()
        )
        job = (
            IngestionJob.objects.select_for_update()
            .filter(pk=claim.job_id, lease_token=claim.token, state=JobState.RUNNING)
            .first()
        )
        if version is None or job is None:
            raise LeaseLost
        yield Fenced(version, job)


def _show_reading(claim: Claim) -> None:
    """Not in the claim's own statement, which locks the job before the version."""
    with transaction.atomic():
        version = (
            DocumentVersion.objects.select_for_update(no_key=True, of=("self",))
            .select_related("document")
            .filter(pk=claim.version_id, state=VersionState.RECEIVED)
            .first()
        )
        if version is not None:
            version.state = VersionState.READING
            version.save(update_fields=["state"])
            announce(version)
