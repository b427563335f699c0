"""The book of attempts."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from chatbot.brains.models import Brain
from chatbot.contracts.errors import DocumentFault, Unavailable
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import AttemptOutcome, IngestionJob, JobAttempt
from chatbot.documents.services import ingestion
from chatbot.documents.services.ingestion import attempts
from chatbot.documents.services.repairs import cancel_version
from tests.documents.ingestion.test_claims import take_over
from tests.factories.documents import claim, make_document, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def read_job(brain: Brain) -> IngestionJob:
    return make_job(make_document(brain, pages=["text"]), stage=Stage.READ, pages=(1, 1))


def outcomes(job: IngestionJob) -> list[tuple[str, str]]:
    return list(job.attempts.values_list("outcome", "error_code"))


class TestAttempts:
    def test_begin_with_the_claim(self, read_job: IngestionJob) -> None:
        claimed = claim(read_job, worker="worker-1")

        attempt = JobAttempt.objects.get()
        assert (attempt.pk, attempt.job_id) == (claimed.token, read_job.pk)
        assert (attempt.worker, attempt.outcome) == ("worker-1", AttemptOutcome.RUNNING)
        assert attempt.finished_at is None

    def test_end_as_done(self, read_job: IngestionJob) -> None:
        ingestion.finish_read(claim(read_job), pages=[])

        assert outcomes(read_job) == [(AttemptOutcome.DONE, "")]
        assert JobAttempt.objects.get(job=read_job).finished_at is not None

    def test_end_with_the_documents_fault(self, read_job: IngestionJob) -> None:
        ingestion.fail_job(claim(read_job), fault=DocumentFault("Broken.", code="file-broken"))

        assert outcomes(read_job) == [(AttemptOutcome.FAULT, "file-broken")]

    def test_end_when_something_is_away(self, read_job: IngestionJob) -> None:
        ingestion.delay_job(claim(read_job), error=Unavailable("Away.", code="storage-away"))

        assert outcomes(read_job) == [(AttemptOutcome.WAIT, "storage-away")]

    def test_end_when_the_job_is_given_back(self, read_job: IngestionJob) -> None:
        ingestion.release_job(claim(read_job))

        assert outcomes(read_job) == [(AttemptOutcome.GIVEN_BACK, "")]

    def test_end_with_their_worker(self, read_job: IngestionJob) -> None:
        claim(read_job, worker="worker-1")

        take_over(read_job)

        assert outcomes(read_job) == [(AttemptOutcome.DEATH, ""), (AttemptOutcome.RUNNING, "")]

    def test_end_when_the_document_is_cancelled(self, read_job: IngestionJob) -> None:
        claim(read_job)

        cancel_version(version_id=read_job.version_id)

        assert outcomes(read_job) == [(AttemptOutcome.CANCELLED, "")]

    def test_are_not_changed_by_who_has_lost_the_lease(self, read_job: IngestionJob) -> None:
        late = claim(read_job)
        take_over(read_job)

        ingestion.release_job(late)

        assert outcomes(read_job) == [(AttemptOutcome.DEATH, ""), (AttemptOutcome.RUNNING, "")]

    def test_are_forgotten_a_month_after_their_end_a_few_at_a_time(
        self, read_job: IngestionJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(attempts, "OLD_ATTEMPTS_AT_ONCE", 2)
        for _ in range(3):
            ingestion.release_job(claim(read_job))
        claim(read_job)
        JobAttempt.objects.update(started_at=Now() - timedelta(days=90))
        ended = JobAttempt.objects.filter(finished_at__isnull=False)
        ended.update(finished_at=Now() - timedelta(days=31))
        newest = ended.latest("pk")
        JobAttempt.objects.filter(pk=newest.pk).update(finished_at=Now() - timedelta(days=29))

        removed = ingestion.remove_old_attempts(), ingestion.remove_old_attempts()

        assert removed == (2, 0)
        assert set(outcomes(read_job)) == {(AttemptOutcome.RUNNING, ""), ("given-back", "")}
