"""How a worker runs a job, whatever happens to it."""

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import InterfaceError, InternalError, OperationalError
from django.db.models.functions import Now

from chatbot.brains.models import Brain
from chatbot.contracts.errors import DOCUMENT_FAULTS, DocumentFault, Unavailable
from chatbot.contracts.tasks import Queue, Stage
from chatbot.documents.models import Document, IngestionJob, JobState, VersionState
from chatbot.documents.services import delete_document, ingestion
from tests.factories.documents import version_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keeper() -> ingestion.LeaseKeeper:
    return ingestion.LeaseKeeper(queue=Queue.INGEST_WORKER, worker="worker")


def run(
    job: IngestionJob, keeper: ingestion.LeaseKeeper, work: Callable[[ingestion.Lease], None]
) -> IngestionJob | None:
    """Runs the job with a pipeline of its own; returns the row as it is then."""
    ingestion.run_job(job_id=job.pk, keeper=keeper, pipelines={Stage(job.stage): work})
    return IngestionJob.objects.filter(pk=job.pk).first()


def raising(error: BaseException) -> Callable[[ingestion.Lease], None]:
    def work(_: ingestion.Lease) -> None:
        raise error

    return work


def finish(lease: ingestion.Lease) -> None:
    ingestion.finish_open(lease.claim, media_type="application/pdf", labels=[""])


def index(lease: ingestion.Lease) -> None:
    with ingestion.fenced(lease.claim) as held:
        ingestion.record_indexed(held, numbers=[1])
    ingestion.finish_index(lease.claim)


class TestRunJob:
    def test_goes_on_with_the_document(
        self, job: IngestionJob, keeper: ingestion.LeaseKeeper
    ) -> None:
        pipelines = {
            Stage.OPEN: finish,
            Stage.READ: lambda lease: ingestion.finish_read(lease.claim, pages=[]),
            Stage.INDEX: index,
        }

        ingestion.run_job(job_id=job.pk, keeper=keeper, pipelines=pipelines)

        assert set(job.version.jobs.values_list("stage", "state")) == {
            (Stage.OPEN, JobState.DONE),
            (Stage.READ, JobState.DONE),
            (Stage.INDEX, JobState.DONE),
        }

    def test_leaves_what_follows_of_a_long_document_to_its_turn(
        self, job: IngestionJob, keeper: ingestion.LeaseKeeper
    ) -> None:
        def open_long(lease: ingestion.Lease) -> None:
            ingestion.finish_open(lease.claim, media_type="application/pdf", labels=[""] * 100)

        pipelines = {Stage.OPEN: open_long, Stage.READ: finish}
        ingestion.run_job(job_id=job.pk, keeper=keeper, pipelines=pipelines)

        assert not job.version.jobs.filter(stage=Stage.READ).exclude(state="queued").exists()

    def test_leaves_what_it_has_put_off(
        self, job: IngestionJob, keeper: ingestion.LeaseKeeper
    ) -> None:
        runs: list[ingestion.Lease] = []

        def put_off(lease: ingestion.Lease) -> None:
            runs.append(lease)
            raise ingestion.JobUnfinished

        run(job, keeper, put_off)

        assert len(runs) == 1

    def test_finishes_the_job(self, job: IngestionJob, keeper: ingestion.LeaseKeeper) -> None:
        after = run(job, keeper, finish)

        assert after is not None
        assert after.state == JobState.DONE

    def test_twice_is_once(self, job: IngestionJob, keeper: ingestion.LeaseKeeper) -> None:
        runs: list[ingestion.Lease] = []

        def work(lease: ingestion.Lease) -> None:
            runs.append(lease)
            finish(lease)

        run(job, keeper, work)
        run(job, keeper, work)

        assert len(runs) == 1

    def test_fails_the_document_for_a_fault_of_its_own(
        self, job: IngestionJob, keeper: ingestion.LeaseKeeper
    ) -> None:
        fault = DocumentFault(DOCUMENT_FAULTS["file-encrypted"], code="file-encrypted")

        run(job, keeper, raising(fault))

        assert version_of(job.version.document).error_code == "file-encrypted"

    def test_waits_for_what_is_away(self, job: IngestionJob, keeper: ingestion.LeaseKeeper) -> None:
        after = run(job, keeper, raising(Unavailable("away", code="storage-away")))

        assert after is not None
        assert (after.state, after.waits, after.faults) == (JobState.QUEUED, 1, 0)
        assert after.error_code == "storage-away"

    def test_counts_a_reader_that_the_system_killed_as_a_death(
        self, job: IngestionJob, keeper: ingestion.LeaseKeeper
    ) -> None:
        after = run(job, keeper, raising(Unavailable("killed", code="reader-died")))

        assert after is not None
        assert (after.state, after.deaths, after.faults) == (JobState.QUEUED, 1, 0)

    def test_counts_a_bug_of_ours_and_keeps_the_document_out_of_the_log(
        self,
        job: IngestionJob,
        keeper: ingestion.LeaseKeeper,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        after = run(job, keeper, raising(ValueError("a sentence of the document")))

        assert after is not None
        assert (after.state, after.faults) == (JobState.QUEUED, 1)
        assert "ValueError" in caplog.text
        assert "a sentence of the document" not in caplog.text + after.error_detail

    @pytest.mark.parametrize(
        "error",
        [OperationalError("away"), InterfaceError("closed"), InternalError("read-only")],
        ids=["away", "closed", "after a failover"],
    )
    def test_leaves_the_job_to_its_lease_when_postgres_goes(
        self, error: Exception, job: IngestionJob, keeper: ingestion.LeaseKeeper
    ) -> None:
        after = run(job, keeper, raising(error))

        assert after is not None
        assert (after.state, after.faults) == (JobState.RUNNING, 0)

    def test_gives_the_rest_back_for_later(
        self, job: IngestionJob, keeper: ingestion.LeaseKeeper
    ) -> None:
        after = run(job, keeper, raising(ingestion.JobUnfinished()))

        assert after is not None
        assert (after.state, after.faults, after.deaths) == (JobState.QUEUED, 0, 0)

    def test_stops_politely_when_the_document_was_deleted_meanwhile(
        self,
        job: IngestionJob,
        keeper: ingestion.LeaseKeeper,
        brain: Brain,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def work(lease: ingestion.Lease) -> None:
            assert brain.created_by is not None
            delete_document(user=brain.created_by, document_id=job.version.document_id)
            finish(lease)

        after = run(job, keeper, work)

        assert after is None
        assert not Document.objects.exists()
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

    def test_stops_politely_when_the_brain_was_deleted_meanwhile(
        self, job: IngestionJob, keeper: ingestion.LeaseKeeper, brain: Brain
    ) -> None:
        def work(lease: ingestion.Lease) -> None:
            brain.delete()
            finish(lease)

        assert run(job, keeper, work) is None


class TestLeaseKeeper:
    def test_renews_what_is_held(self, job: IngestionJob, keeper: ingestion.LeaseKeeper) -> None:
        def work(lease: ingestion.Lease) -> None:
            IngestionJob.objects.filter(pk=job.pk).update(leased_until=Now())
            keeper.renew()
            lease.check()

        after = run(job, keeper, work)

        assert after is not None
        assert IngestionJob.objects.filter(
            pk=job.pk, leased_until__gt=Now() + timedelta(seconds=10)
        ).exists()

    def test_tells_the_worker_that_its_lease_is_lost(
        self, job: IngestionJob, keeper: ingestion.LeaseKeeper
    ) -> None:
        checked = []

        def work(lease: ingestion.Lease) -> None:
            IngestionJob.objects.filter(pk=job.pk).update(state=JobState.CANCELLED)
            keeper.renew()
            checked.append(lease)
            with pytest.raises(ingestion.LeaseLost):
                lease.check()

        run(job, keeper, work)

        assert len(checked) == 1

    def test_gives_everything_back_when_the_worker_ends(
        self, job: IngestionJob, keeper: ingestion.LeaseKeeper
    ) -> None:
        seen = []

        def work(lease: ingestion.Lease) -> None:
            keeper.stop()
            seen.append(IngestionJob.objects.get(pk=job.pk).state)
            lease.check()

        after = run(job, keeper, work)

        assert after is not None
        assert seen == [JobState.QUEUED]
        assert (after.state, after.faults, after.deaths) == (JobState.QUEUED, 0, 0)

    def test_gives_back_what_was_claimed_while_the_worker_ended(
        self, job: IngestionJob, keeper: ingestion.LeaseKeeper
    ) -> None:
        claim = ingestion.claim_job(job_id=job.pk, worker=keeper.worker)
        assert claim is not None
        keeper.stop()

        with keeper.hold(claim) as lease, pytest.raises(ingestion.WorkerStopping):
            lease.check()

    def test_claims_nothing_after_the_end(
        self, job: IngestionJob, keeper: ingestion.LeaseKeeper
    ) -> None:
        keeper.stop()

        after = run(job, keeper, finish)

        assert after is not None
        assert after.state == JobState.QUEUED
        assert version_of(job.version.document).state == VersionState.RECEIVED
