"""The guard of a worker: what it tells of its end."""

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from redis import Redis

from chatbot.documents.models import Document, IngestionJob, JobState, VersionState
from chatbot.scheduler.leader import Scheduler
from tests.child_processes import child, child_environment, wait_until
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import make_document, make_job, version_of
from tests.fakes.scripted_worker.app import GO

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
GUARD = ["-m", "chatbot.worker_guard", "tests.fakes.scripted_worker", "-Q", "ingest_worker"]
READY = "is ready"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return child_environment(settings_module="ingest_worker.settings", home=tmp_path)


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis.from_url(settings.REDIS_URL) as client:
        yield client


@pytest.fixture
def document() -> Document:
    document = make_document(make_brain(owner=make_user()))
    make_job(document)
    return document


def job_of(document: Document) -> IngestionJob:
    return version_of(document).jobs.get(stage="open")


def until(state: JobState, document: Document) -> None:
    scheduler = Scheduler()

    def is_reached() -> bool:
        scheduler.tick()
        return job_of(document).state == state

    wait_until(is_reached, seconds=30, what=str(state))


class TestGuard:
    @pytest.mark.parametrize(
        ("number", "counters"),
        [(signal.SIGKILL, (1, 0)), (signal.SIGSEGV, (0, 1)), (signal.SIGABRT, (0, 1))],
    )
    def test_tells_a_crash_from_a_kill(
        self,
        environment: dict[str, str],
        tmp_path: Path,
        document: Document,
        number: signal.Signals,
        counters: tuple[int, int],
    ) -> None:
        with child(GUARD, environment=environment, log=tmp_path / "log") as guard:
            guard.wait_for_line(READY)
            until(JobState.RUNNING, document)

            [worker] = psutil.Process(guard.pid).children()
            worker.send_signal(number)

            wait_until(
                lambda: job_of(document).state == JobState.QUEUED, seconds=10, what="given back"
            )
            wait_until(lambda: not guard.is_running, seconds=10, what="end of the guard")

        job = job_of(document)
        assert (job.deaths, job.crashes) == counters

    def test_ends_with_its_worker_when_it_is_asked_to(
        self, environment: dict[str, str], tmp_path: Path, document: Document
    ) -> None:
        with child(GUARD, environment=environment, log=tmp_path / "log") as guard:
            guard.wait_for_line(READY)
            until(JobState.RUNNING, document)

            guard.terminate()

        job = job_of(document)
        assert (job.state, job.deaths, job.crashes) == (JobState.QUEUED, 0, 0)

    def test_takes_its_worker_along_when_it_is_killed(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        with child(GUARD, environment=environment, log=tmp_path / "log") as guard:
            guard.wait_for_line(READY)
            [worker] = psutil.Process(guard.pid).children()

            guard.kill()

            worker.wait(10)
            assert not worker.is_running()

    def test_lets_the_document_go_on_in_the_next_worker(
        self, environment: dict[str, str], tmp_path: Path, document: Document, redis: Redis
    ) -> None:
        with child(GUARD, environment=environment, log=tmp_path / "first") as guard:
            guard.wait_for_line(READY)
            until(JobState.RUNNING, document)
            [worker] = psutil.Process(guard.pid).children()
            worker.send_signal(signal.SIGSEGV)
            wait_until(lambda: not guard.is_running, seconds=10, what="end of the guard")
        redis.set(GO, 1)

        with child(GUARD, environment=environment, log=tmp_path / "second") as guard:
            guard.wait_for_line(READY)
            until(JobState.DONE, document)
            wait_until(
                lambda: version_of(document).state == VersionState.READY, seconds=30, what="ready"
            )
