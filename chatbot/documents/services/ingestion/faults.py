"""What becomes of a job that did not work out.

the document's fault     counted in `faults`; the third one ends the version, or the first, where
                         trying again can't help
somebody else's          `waits`: again later, as often as it takes; up to a limit where it is the
                         server of an address that somebody gave
the worker was killed    counted in `deaths`, generously; the tenth one ends the version
the worker crashed       counted in `crashes`; the second one, when it ran alone, ends the version
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Now
from django.utils import timezone

from chatbot import jobs
from chatbot.contracts.errors import DOCUMENT_FAULTS, DocumentFault, Unavailable
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import (
    UNFINISHED_STATES,
    AttemptOutcome,
    DocumentVersion,
    IngestionJob,
    JobState,
    VersionState,
    Worker,
)
from chatbot.documents.services.ingestion.attempts import (
    cancel_attempts,
    close_attempt,
    thin_out_waits,
)
from chatbot.documents.services.ingestion.claims import Claim, fenced
from chatbot.documents.services.ingestion.pages import storable
from chatbot.documents.services.news import announce_end

FAULTS_LIMIT: Final = 3
DEATHS_LIMIT: Final = 10
CRASHES_LIMIT: Final = 2
LONGEST_WAIT_SECONDS: Final = 30.0
_MAY_PASS: Final = frozenset(
    {
        *("parser-timeout", "parser-crashed", "too-much-memory", "too-much-cpu"),
        "embedding-refused",
    }
)
"""Faults that may have come from a machine under load, or from a server that ails."""
_FAULT_WAIT_SECONDS: Final = 2.0
_ADDRESS_AWAY: Final = "url-unanswered"
_BUSY: Final = "inference-busy"
ADDRESS_WAITS_LIMIT: Final = 12
"""Some five minutes: whoever gave the address is to hear that nobody is there."""
_DETAIL_CHARACTERS: Final = 4000


def fail_job(claim: Claim, *, fault: DocumentFault, detail: str = "") -> None:
    """The document's fault.

    Raises:
        LeaseLost: nothing is written.
    """
    code = fault.error_code if fault.error_code in DOCUMENT_FAULTS else "file-broken"
    with fenced(claim) as held:
        job = held.job
        job.faults += 1
        job.error_code = code
        job.error_detail = storable(detail)[:_DETAIL_CHARACTERS]
        close_attempt(job, AttemptOutcome.FAULT, error_code=code)
        if code in _MAY_PASS and job.faults < FAULTS_LIMIT:
            _queue_again(job, seconds=_FAULT_WAIT_SECONDS * job.faults)
        else:
            fail_version(held.version, job=job, code=code)


def delay_job(claim: Claim, *, error: Unavailable) -> float:
    """Something that the job needs is away: again after a while that grows. Returns its seconds.

    Raises:
        LeaseLost: nothing is written.
    """
    with fenced(claim) as held:
        job = held.job
        seconds = min(LONGEST_WAIT_SECONDS, max(2.0**job.waits, _asked_wait(error)))
        job.waits = min(job.waits + 1, 1000)
        job.error_code = error.error_code[:64]
        job.error_detail = storable(str(error))[:_DETAIL_CHARACTERS]
        close_attempt(job, AttemptOutcome.WAIT, error_code=job.error_code)
        thin_out_waits(job, present=claim.token)
        if _has_waited_enough(job):
            fail_version(held.version, job=job, code=_ADDRESS_AWAY)
        else:
            _queue_again(job, seconds=seconds)
    return seconds


def _asked_wait(error: Unavailable) -> float:
    """Seconds that a busy server asked us to stay away."""
    return float(error.retry_after_seconds) if error.error_code == _BUSY else 0.0


def _has_waited_enough(job: IngestionJob) -> bool:
    """For an address; waiting for our own storage meanwhile doesn't count against it."""
    if job.error_code != _ADDRESS_AWAY or job.waits < ADDRESS_WAITS_LIMIT:
        return False
    for_address = job.attempts.filter(outcome=AttemptOutcome.WAIT, error_code=_ADDRESS_AWAY)
    return for_address.count() >= ADDRESS_WAITS_LIMIT


def count_death(claim: Claim, *, error: Exception) -> None:
    """Whoever worked for the job was killed, and the worker lives to tell.

    Raises:
        LeaseLost: nothing is written.
    """
    with fenced(claim) as held:
        job = held.job
        job.deaths += 1
        job.error_detail = storable(str(error))[:_DETAIL_CHARACTERS]
        close_attempt(job, AttemptOutcome.DEATH)
        if job.deaths < DEATHS_LIMIT:
            _queue_again(job, seconds=wait_after_deaths(job.deaths))
        else:
            fail_version(held.version, job=job, code="worker-died")


def wait_after_deaths(deaths: int) -> float:
    """Seconds; the first death costs no time."""
    return min(LONGEST_WAIT_SECONDS, float(2**deaths - 2))


def fail_version(version: DocumentVersion, *, job: IngestionJob, code: str) -> None:
    """Ends a version because of one of its jobs. The caller holds the rows of both."""
    now = timezone.now()
    job.state = JobState.FAILED
    job.error_code = code
    job.finished_at = now
    job.lease_token = job.leased_until = None
    job.save()
    cancel_attempts(version)
    version.jobs.filter(state__in=(JobState.QUEUED, JobState.RUNNING)).update(
        state=JobState.CANCELLED, lease_token=None, leased_until=None, finished_at=now
    )
    version.state = VersionState.FAILED
    version.error_code = code
    version.error_sentence = DOCUMENT_FAULTS[code]
    version.finished_at = now
    version.save()
    announce_end(version)


def requeue_expired() -> int:
    """Queues the jobs of dead workers again. Returns how many."""
    with transaction.atomic():
        expired = list(
            IngestionJob.objects.select_for_update(skip_locked=True).filter(
                state=JobState.RUNNING, leased_until__lt=Now()
            )
        )
        for job in expired:
            job.deaths += 1
            job.error_detail = f"{job.worker} died or lost its connection."
            close_attempt(job, AttemptOutcome.DEATH)
            _queue_again(job, seconds=wait_after_deaths(job.deaths))
    return len(expired)


def bury_worker(*, name: str, has_crashed: bool) -> int:
    """Queues the work of a worker that is known to be dead again, without waiting for its leases.

    Args:
        name: of the worker.
        has_crashed: it ended by itself; a document that it had in hand may be why.

    Returns how many jobs it had.
    """
    Worker.objects.filter(pk=name).update(ended_at=Now())
    in_hand = IngestionJob.objects.filter(worker=name, state=JobState.RUNNING)
    return sum(
        _take_back(job_id, version_id, name, has_crashed=has_crashed)
        for job_id, version_id in list(in_hand.values_list("pk", "version_id"))
    )


@transaction.atomic
def _take_back(job_id: UUID, version_id: UUID, worker: str, *, has_crashed: bool) -> bool:
    version = _locked(version_id)
    job = (
        IngestionJob.objects.select_for_update()
        .filter(pk=job_id, worker=worker, state=JobState.RUNNING)
        .first()
    )
    if version is None or job is None:
        return False
    close_attempt(job, AttemptOutcome.DEATH, error_code="worker-crashed" if has_crashed else "")
    job.error_detail = f"{worker} {'crashed' if has_crashed else 'was killed'}."
    # Fetching runs no reader of files: it was beside the document that is why, and not it.
    if not has_crashed or job.stage == Stage.FETCH:
        job.deaths += 1
        _queue_again(job, seconds=wait_after_deaths(job.deaths))
        return True
    job.crashes += 1
    if job.crashes < CRASHES_LIMIT:
        _queue_again(job, seconds=0)
    else:
        fail_version(version, job=job, code="worker-crashed")
    return True


def _locked(version_id: UUID) -> DocumentVersion | None:
    return (
        DocumentVersion.objects.select_for_update(no_key=True, of=("self",))
        .select_related("document")
        .filter(pk=version_id, state__in=UNFINISHED_STATES)
        .first()
    )


def fail_exhausted() -> int:
    """Ends the versions whose jobs have outlived too many workers. Returns how many."""
    exhausted = IngestionJob.objects.filter(
        state=JobState.QUEUED, deaths__gte=DEATHS_LIMIT
    ).values_list("pk", "version_id")
    ended = 0
    for job_id, version_id in list(exhausted):
        with transaction.atomic():
            version = _locked(version_id)
            job = (
                IngestionJob.objects.select_for_update()
                .filter(pk=job_id, state=JobState.QUEUED)
                .first()
            )
            if version is not None and job is not None:
                fail_version(version, job=job, code="worker-died")
                ended += 1
    return ended


def _queue_again(job: IngestionJob, *, seconds: float) -> None:
    job.state = JobState.QUEUED
    job.lease_token = job.leased_until = job.hinted_at = None
    job.run_after = Now() + Value(timedelta(seconds=seconds))
    job.save()
    jobs.wake_scheduler()
