"""Workers that end by themselves: the document that does it is found, and ends alone."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from chatbot.brains.models import Brain
from chatbot.contracts.tasks import Queue, Stage
from chatbot.documents.models import IngestionJob, JobState, VersionState, Worker
from chatbot.documents.services import ingestion
from chatbot.documents.services.repairs import retry_version
from tests.child_processes import wait_until
from tests.factories.documents import claim, make_document, make_job, version_of

WORKER = "host:1"


@pytest.fixture
def job(brain: Brain) -> IngestionJob:
    return make_job(make_document(brain, pages=["text"]), stage=Stage.READ, pages=(1, 1))


def bury(*, has_crashed: bool) -> int:
    return ingestion.bury_worker(name=WORKER, has_crashed=has_crashed)


@pytest.mark.django_db
class TestBuryWorker:
    def test_queues_the_work_again_at_once(self, job: IngestionJob) -> None:
        claim(job, worker=WORKER)

        assert bury(has_crashed=False) == 1

        job.refresh_from_db()
        assert (job.state, job.deaths, job.crashes) == (JobState.QUEUED, 1, 0)
        assert claim(job).is_suspect is False

    def test_leaves_the_work_of_others(self, job: IngestionJob) -> None:
        claim(job, worker="host:2")

        assert bury(has_crashed=True) == 0

        job.refresh_from_db()
        assert job.state == JobState.RUNNING

    def test_suspects_what_the_worker_had_in_hand_when_it_crashed(self, job: IngestionJob) -> None:
        claim(job, worker=WORKER)

        bury(has_crashed=True)

        assert claim(job).is_suspect

    def test_ends_the_document_at_the_second_crash(self, job: IngestionJob) -> None:
        for _ in range(2):
            claim(job, worker=WORKER)
            bury(has_crashed=True)

        version = version_of(job.version.document)
        assert (version.state, version.error_code) == (VersionState.FAILED, "worker-crashed")

    def test_ends_nothing_when_the_worker_was_killed(self, job: IngestionJob) -> None:
        for _ in range(3):
            IngestionJob.objects.update(run_after="2000-01-01T00:00Z")
            claim(job, worker=WORKER)
            bury(has_crashed=False)

        assert version_of(job.version.document).state == VersionState.RECEIVED

    def test_is_forgotten_when_somebody_tries_again(self, job: IngestionJob) -> None:
        for _ in range(2):
            claim(job, worker=WORKER)
            bury(has_crashed=True)

        retry_version(version_id=job.version_id)

        assert not claim(job).is_suspect

    def test_notes_that_the_worker_has_ended(self) -> None:
        ingestion.tell_alive(name=WORKER, queue=Queue.INGEST_WORKER, slots=2)

        bury(has_crashed=True)

        assert Worker.objects.get().ended_at is not None


@pytest.mark.django_db
class TestFetchBesideACrash:
    def test_is_not_taken_for_its_cause(self, brain: Brain) -> None:
        job = make_job(make_document(brain), stage=Stage.FETCH)
        claim(job, worker=WORKER)

        bury(has_crashed=True)

        job.refresh_from_db()
        assert (job.state, job.crashes, job.deaths) == (JobState.QUEUED, 0, 1)
        assert not claim(job).is_suspect

    def test_is_given_back_though_it_began_just_before(self, brain: Brain) -> None:
        keeper = ingestion.LeaseKeeper(queue=Queue.INGEST_WORKER, worker=WORKER)
        fetching = claim(make_job(make_document(brain), stage=Stage.FETCH))
        opening = replace(claim(make_job(make_document(brain))), is_suspect=True)
        reading = claim(make_job(make_document(brain)))

        def open_it() -> None:
            with keeper.hold(opening):
                pass

        thread = threading.Thread(target=open_it)
        with keeper.hold(reading):
            thread.start()
            # What is alone in waiting has looked for fetches by now, and found none.
            time.sleep(0.2)
            late = ingestion.Lease(fetching)
            keeper._leases[fetching.token] = late
            wait_until(lambda: late.is_stopping, seconds=5, what="interruption")
        thread.join(5)

    def test_is_given_back_for_who_has_to_be_alone(self, brain: Brain) -> None:
        keeper = ingestion.LeaseKeeper(queue=Queue.INGEST_WORKER, worker=WORKER)
        fetching = claim(make_job(make_document(brain), stage=Stage.FETCH))
        opening = replace(claim(make_job(make_document(brain))), is_suspect=True)
        alone = threading.Event()

        def open_it() -> None:
            with keeper.hold(opening):
                alone.set()

        thread = threading.Thread(target=open_it)
        with keeper.hold(fetching) as lease:
            lease.check()
            thread.start()
            wait_until(lambda: lease.is_stopping, seconds=5, what="interruption")
            with pytest.raises(ingestion.WorkerStopping):
                lease.check()
            assert not alone.is_set()
        thread.join(5)

        assert alone.is_set()


def joined(
    company: ingestion.Company, *, alone: bool, is_over: Callable[[], bool] = lambda: False
) -> AbstractContextManager[None]:
    return company.joined(alone=alone, is_over=is_over)


class TestCompany:
    def test_lets_many_work_together(self) -> None:
        company = ingestion.Company()

        with joined(company, alone=False), joined(company, alone=False):
            pass

    def test_waits_until_it_is_alone(self) -> None:
        company = ingestion.Company()
        alone = threading.Event()

        def work() -> None:
            with joined(company, alone=True):
                alone.set()

        with joined(company, alone=False):
            thread = threading.Thread(target=work)
            thread.start()
            assert not alone.wait(0.2)
        thread.join(5)

        assert alone.is_set()

    def test_lets_nobody_in_beside_who_is_alone(self) -> None:
        company = ingestion.Company()
        together = threading.Event()

        def work() -> None:
            with joined(company, alone=False):
                together.set()

        with joined(company, alone=True):
            thread = threading.Thread(target=work)
            thread.start()
            assert not together.wait(0.2)
        thread.join(5)

        assert together.is_set()

    def test_is_waited_for_no_longer_than_the_lease_holds(self) -> None:
        company = ingestion.Company()
        lost, went_on = threading.Event(), threading.Event()

        def work() -> None:
            with joined(company, alone=True, is_over=lost.is_set):
                went_on.set()

        with joined(company, alone=False):
            thread = threading.Thread(target=work)
            thread.start()
            assert not went_on.wait(0.2)
            lost.set()
            assert went_on.wait(5)
            thread.join(5)
            with joined(company, alone=False):
                pass
        with joined(company, alone=True):
            pass
