"""The book of attempts: every claim has a line that says who tried, and what became of it."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models.functions import Now

from chatbot.documents.models import AttemptOutcome, DocumentVersion, IngestionJob, JobAttempt

WAITS_KEPT: Final = 20
OLD_ATTEMPTS_AT_ONCE: Final = 5_000
_KEPT_DAYS: Final = 30


def close_attempt(job: IngestionJob, outcome: AttemptOutcome, *, error_code: str = "") -> None:
    """Ends the line of the job's present claim, which its token names; without one, nothing."""
    if job.lease_token is not None:
        close_claim(job.lease_token, outcome, error_code=error_code)


def close_claim(token: UUID, outcome: AttemptOutcome, *, error_code: str = "") -> None:
    """As `close_attempt`, for whoever has the token and not the row."""
    JobAttempt.objects.filter(pk=token, finished_at__isnull=True).update(
        outcome=outcome, error_code=error_code, finished_at=Now()
    )


def thin_out_waits(job: IngestionJob, *, present: UUID) -> None:
    """Keeps the first waits for one thing and the present one: an outage may last for a day."""
    if job.waits <= WAITS_KEPT:
        return
    waits = JobAttempt.objects.filter(
        job=job, outcome=AttemptOutcome.WAIT, error_code=job.error_code
    )
    between = waits.order_by("started_at")[WAITS_KEPT:]
    waits.filter(pk__in=between.values("pk")).exclude(pk=present).delete()


def cancel_attempts(version: DocumentVersion) -> None:
    """Ends the lines of all that is going on for a version."""
    JobAttempt.objects.filter(job__version=version, finished_at__isnull=True).update(
        outcome=AttemptOutcome.CANCELLED, finished_at=Now()
    )


def remove_old_attempts() -> int:
    """Removes lines that ended a month ago. Returns how many; `OLD_ATTEMPTS_AT_ONCE`: maybe more.

    What is going on stays, however long ago it began.
    """
    too_old = Now() - timedelta(days=_KEPT_DAYS)
    old = JobAttempt.objects.filter(finished_at__lt=too_old).order_by("finished_at")
    found = list(old.values_list("pk", flat=True)[:OLD_ATTEMPTS_AT_ONCE])
    return JobAttempt.objects.filter(pk__in=found).delete()[0]
