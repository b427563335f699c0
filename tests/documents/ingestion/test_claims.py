"""Claims, leases and the fence."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.db.models.functions import Now

from chatbot.brains.models import Brain
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import IngestionJob, JobState, VersionState
from chatbot.documents.services import ingestion
from tests.factories.documents import claim, make_document, make_job, version_of

pytestmark = pytest.mark.django_db


def take_over(job: IngestionJob) -> ingestion.Claim:
    """The job's lease ends, and somebody else claims it."""
    IngestionJob.objects.filter(pk=job.pk).update(leased_until=Now() - timedelta(seconds=1))
    ingestion.reconcile()
    return claim(job, worker="successor")


class TestClaimJob:
    def test_takes_a_queued_job(self, brain: Brain) -> None:
        document = make_document(brain)
        job = make_job(document, stage=Stage.READ, pages=(1, 20))

        claimed = ingestion.claim_job(job_id=job.pk, worker="worker-1")

        job.refresh_from_db()
        version = version_of(document)
        assert claimed is not None
        assert (job.state, job.worker) == (JobState.RUNNING, "worker-1")
        assert job.lease_token == claimed.token
        assert (claimed.stage, claimed.page_from, claimed.page_to) == (Stage.READ, 1, 20)
        assert (claimed.version_id, claimed.brain_id) == (version.pk, brain.pk)
        assert claimed.storage_name == version.storage_name

    def test_shows_that_a_document_is_being_read(self, brain: Brain) -> None:
        document = make_document(brain)

        claim(make_job(document))

        assert version_of(document).state == VersionState.READING

    @pytest.mark.parametrize(
        "state", [JobState.RUNNING, JobState.DONE, JobState.FAILED, JobState.CANCELLED]
    )
    def test_leaves_a_job_that_is_not_queued(self, state: JobState, brain: Brain) -> None:
        job = make_job(make_document(brain))
        IngestionJob.objects.filter(pk=job.pk).update(state=state)

        assert ingestion.claim_job(job_id=job.pk, worker="worker") is None

    def test_leaves_a_job_that_is_not_due(self, brain: Brain) -> None:
        job = make_job(make_document(brain))
        IngestionJob.objects.filter(pk=job.pk).update(run_after=Now() + timedelta(minutes=1))

        assert ingestion.claim_job(job_id=job.pk, worker="worker") is None

    @pytest.mark.parametrize(
        "state", [VersionState.READY, VersionState.FAILED, VersionState.CANCELLED]
    )
    def test_leaves_a_version_that_has_ended(self, state: VersionState, brain: Brain) -> None:
        job = make_job(make_document(brain, state=state))

        assert ingestion.claim_job(job_id=job.pk, worker="worker") is None

    def test_knows_nothing_of_a_job_that_is_gone(self) -> None:
        assert ingestion.claim_job(job_id=uuid.uuid4(), worker="worker") is None

    @pytest.mark.django_db(transaction=True)
    def test_lets_one_of_many_win(self, brain: Brain) -> None:
        job = make_job(make_document(brain))

        def one(number: int) -> bool:
            try:
                claimed = ingestion.claim_job(job_id=job.pk, worker=f"worker-{number}")
            finally:
                connections.close_all()
            return claimed is not None

        with ThreadPoolExecutor(8) as threads:
            won = list(threads.map(one, range(24)))

        assert won.count(True) == 1


class TestRenewLease:
    def test_renews_what_is_still_ours(self, brain: Brain) -> None:
        kept = claim(make_job(make_document(brain)))
        lost_job = make_job(make_document(brain))
        lost = claim(lost_job)
        take_over(lost_job)
        IngestionJob.objects.filter(pk=kept.job_id).update(leased_until=Now())

        renewed = [ingestion.renew_lease(one) for one in (kept, lost)]

        assert renewed == [True, False]
        assert IngestionJob.objects.filter(
            pk=kept.job_id, leased_until__gt=Now() + timedelta(seconds=10)
        ).exists()


class TestFenced:
    def test_gives_the_rows_to_the_owner(self, brain: Brain) -> None:
        job = make_job(make_document(brain))

        with ingestion.fenced(claim(job)) as held:
            assert held.job == job
            assert held.version == job.version

    def test_stops_a_worker_whose_job_was_claimed_again(self, brain: Brain) -> None:
        job = make_job(make_document(brain))
        first = claim(job)
        take_over(job)

        with pytest.raises(ingestion.LeaseLost), ingestion.fenced(first):
            pass

    @pytest.mark.parametrize(
        "state", [VersionState.CANCELLED, VersionState.FAILED, VersionState.READY]
    )
    def test_stops_a_worker_whose_version_has_ended(
        self, state: VersionState, brain: Brain
    ) -> None:
        document = make_document(brain)
        first = claim(make_job(document))
        version = version_of(document)
        version.state = state
        version.save()

        with pytest.raises(ingestion.LeaseLost), ingestion.fenced(first):
            pass


class TestReleaseJob:
    def test_gives_the_job_back_without_counting(self, brain: Brain) -> None:
        job = make_job(make_document(brain))

        ingestion.release_job(claim(job))

        job.refresh_from_db()
        assert (job.state, job.deaths, job.faults) == (JobState.QUEUED, 0, 0)
        assert claim(job, worker="successor").job_id == job.pk

    def test_does_not_touch_the_job_of_a_successor(self, brain: Brain) -> None:
        job = make_job(make_document(brain))
        first = claim(job)
        second = take_over(job)

        ingestion.release_job(first)

        job.refresh_from_db()
        assert (job.state, job.lease_token) == (JobState.RUNNING, second.token)
