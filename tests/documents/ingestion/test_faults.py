"""Whose fault it was, and what follows."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from chatbot.contracts.errors import DOCUMENT_FAULTS, DocumentFault, Unavailable
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import IngestionJob, JobState, VersionState
from chatbot.documents.services import ingestion
from chatbot.documents.services.ingestion.attempts import WAITS_KEPT
from tests.factories.documents import claim, make_job, version_of

pytestmark = pytest.mark.django_db


def fault(code: str) -> DocumentFault:
    return DocumentFault(DOCUMENT_FAULTS[code], code=code)


def make_due(job: IngestionJob) -> None:
    IngestionJob.objects.filter(pk=job.pk).update(run_after=Now())


def die(job: IngestionJob) -> None:
    """The worker that has claimed the job is never heard of again."""
    claim(job)
    IngestionJob.objects.filter(pk=job.pk).update(leased_until=Now() - timedelta(seconds=1))
    ingestion.reconcile()
    make_due(job)


class TestFailJob:
    @pytest.mark.parametrize("code", ["file-encrypted", "file-broken", "too-many-pages"])
    def test_ends_the_document_at_once_where_trying_again_cannot_help(
        self, code: str, job: IngestionJob
    ) -> None:
        other = make_job(job.version.document, stage=Stage.READ, pages=(1, 1))

        ingestion.fail_job(claim(job), fault=fault(code))

        version = version_of(job.version.document)
        other.refresh_from_db()
        assert (version.state, version.error_code) == (VersionState.FAILED, code)
        assert version.error_sentence == DOCUMENT_FAULTS[code]
        assert version.finished_at is not None
        assert other.state == JobState.CANCELLED

    def test_tries_three_times_where_a_busy_machine_may_be_to_blame(
        self, job: IngestionJob
    ) -> None:
        states = []

        for _ in range(3):
            make_due(job)
            ingestion.fail_job(claim(job), fault=fault("parser-timeout"))
            job.refresh_from_db()
            states.append(job.state)

        version = version_of(job.version.document)
        assert states == [JobState.QUEUED, JobState.QUEUED, JobState.FAILED]
        assert (version.state, version.error_code) == (VersionState.FAILED, "parser-timeout")

    def test_never_shows_a_code_that_has_no_sentence(self, job: IngestionJob) -> None:
        ingestion.fail_job(claim(job), fault=DocumentFault("?", code="unheard-of"))

        assert version_of(job.version.document).error_code == "file-broken"

    def test_keeps_what_a_parser_said_without_what_can_not_be_stored(
        self, job: IngestionJob
    ) -> None:
        ingestion.fail_job(claim(job), fault=fault("file-broken"), detail="a\x00b\udc80")

        job.refresh_from_db()
        assert (job.state, job.error_detail) == (JobState.FAILED, "a\N{REPLACEMENT CHARACTER}b?")


class TestDelayJob:
    def test_waits_longer_each_time_and_never_fails(self, job: IngestionJob) -> None:
        waits = []

        for _ in range(12):
            make_due(job)
            waits.append(ingestion.delay_job(claim(job), error=Unavailable("away")))

        job.refresh_from_db()
        assert waits == [1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30, 30]
        assert (job.state, job.faults, job.deaths) == (JobState.QUEUED, 0, 0)
        assert job.run_after > timezone.now() + timedelta(seconds=25)
        assert version_of(job.version.document).state == VersionState.READING

    def test_keeps_the_first_lines_of_a_long_wait_and_the_last(self, job: IngestionJob) -> None:
        tokens = []

        for _ in range(WAITS_KEPT + 5):
            make_due(job)
            claimed = claim(job)
            tokens.append(claimed.token)
            ingestion.delay_job(claimed, error=Unavailable("away"))

        kept = list(job.attempts.order_by("started_at").values_list("pk", flat=True))
        assert kept == [*tokens[:WAITS_KEPT], tokens[-1]]

    def test_waits_as_long_as_a_busy_server_asks(self, job: IngestionJob) -> None:
        busy = Unavailable("Busy.", code="inference-busy", retry_after_seconds=12)

        assert ingestion.delay_job(claim(job), error=busy) == 12


class TestDeadWorkers:
    def test_leave_their_job_to_others(self, job: IngestionJob) -> None:
        die(job)

        job.refresh_from_db()
        assert (job.state, job.deaths, job.faults) == (JobState.QUEUED, 1, 0)
        assert claim(job).job_id == job.pk

    def test_are_counted_apart_from_the_documents_faults(self, job: IngestionJob) -> None:
        for _ in range(9):
            die(job)

        ingestion.fail_job(claim(job), fault=fault("parser-crashed"))

        job.refresh_from_db()
        assert (job.state, job.deaths, job.faults) == (JobState.QUEUED, 9, 1)

    def test_end_the_document_when_there_were_ten(self, job: IngestionJob) -> None:
        for _ in range(10):
            die(job)

        version = version_of(job.version.document)
        assert (version.state, version.error_code) == (VersionState.FAILED, "worker-died")

    def test_include_children_that_the_system_killed(self, job: IngestionJob) -> None:
        for _ in range(10):
            make_due(job)
            ingestion.count_death(claim(job), error=Unavailable("killed"))

        version = version_of(job.version.document)
        assert (version.state, version.error_code) == (VersionState.FAILED, "worker-died")

    def test_cost_nothing_while_their_lease_runs(self, job: IngestionJob) -> None:
        claim(job)

        assert ingestion.reconcile() == 0
