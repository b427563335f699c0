"""The book of attempts: every claim has a line that says who tried, and what became of it."""

from uuid import UUID

from django.db.models.functions import Now

from chatbot.documents.models import AttemptOutcome, DocumentVersion, IngestionJob, JobAttempt


def close_attempt(job: IngestionJob, outcome: AttemptOutcome, *, error_code: str = "") -> None:
    """Ends the line of the job's present claim, which its token names; without one, nothing."""
    if job.lease_token is not None:
        close_claim(job.lease_token, outcome, error_code=error_code)


def close_claim(token: UUID, outcome: AttemptOutcome, *, error_code: str = "") -> None:
    """As `close_attempt`, for whoever has the token and not the row."""
    JobAttempt.objects.filter(pk=token, finished_at__isnull=True).update(
        outcome=outcome, error_code=error_code, finished_at=Now()
    )


def cancel_attempts(version: DocumentVersion) -> None:
    """Ends the lines of all that is going on for a version."""
    JobAttempt.objects.filter(job__version=version, finished_at__isnull=True).update(
        outcome=AttemptOutcome.CANCELLED, finished_at=Now()
    )
