"""The shell that both workers share, as a process."""

import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models.functions import Now
from redis import Redis
from redis.exceptions import RedisError

from chatbot import jobs
from chatbot.contracts.tasks import Queue
from chatbot.documents.models import Document, IngestionJob, JobState, VersionState, Worker
from chatbot.embedded import valkey
from chatbot.scheduler.leader import Scheduler
from tests.child_processes import child, child_environment, wait_until
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import make_document, make_job, version_of
from tests.fakes.scripted_worker.app import GO, SEEN
from tests.servers import free_port, running

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WORKER = ["-m", "celery", "-A", "tests.fakes.scripted_worker.app", "worker"]
READY = "is ready"
END_SECONDS = 10
"""Three are its threads' own; one that waited for its job would not end at all."""
PAUSE_SECONDS = 5
"""Between two jobs, on a busy machine; a loop that nothing wakes sleeps for ten."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return child_environment(settings_module="ingest_worker.settings", home=tmp_path)


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis.from_url(settings.REDIS_URL) as client:
        yield client


@pytest.fixture
def document() -> Document:
    """Received, with a job."""
    document = make_document(make_brain(owner=make_user()))
    make_job(document)
    return document


class World:
    """A scheduler in this process, that works while something is awaited."""

    def __init__(self) -> None:
        self._scheduler = Scheduler()

    def until_state(self, document: Document, state: VersionState) -> None:
        self._until(lambda: version_of(document).state == state, str(state))

    def until_all_ready(self, *documents: Document) -> None:
        for document in documents:
            self.until_state(document, VersionState.READY)

    def until_seen(self, redis: Redis, times: int) -> None:
        self._until(lambda: _length(redis) == times, f"reading number {times}")

    def _until(self, is_true: object, what: str) -> None:
        assert callable(is_true)

        def tick() -> bool:
            self._scheduler.tick()
            return bool(is_true())

        wait_until(tick, seconds=30, what=what)


def _length(redis: Redis) -> int:
    with redis.pipeline() as pipe:
        pipe.llen(SEEN)
        return int(pipe.execute()[0])


def _slots() -> int | None:
    broker = jobs.broker_load(queue=Queue.INGEST_WORKER)
    return broker.slots if broker else None


def end_leases() -> None:
    """As if nobody had renewed them for a while."""
    IngestionJob.objects.filter(state=JobState.RUNNING).update(
        leased_until=Now() - timedelta(seconds=1)
    )


class TestWorker:
    def test_takes_a_document_from_a_hint_to_ready(
        self, environment: dict[str, str], tmp_path: Path, document: Document, redis: Redis
    ) -> None:
        redis.set(GO, 1)

        with child(WORKER, environment=environment, log=tmp_path / "log") as worker:
            worker.wait_for_line(READY)
            World().until_state(document, VersionState.READY)

        assert version_of(document).pages_done == 1
        assert "Traceback" not in worker.log.read_text()

    def test_takes_the_next_job_as_soon_as_a_slot_is_free(
        self, environment: dict[str, str], tmp_path: Path, document: Document, redis: Redis
    ) -> None:
        redis.set(GO, 1)
        others = [make_document(document.brain) for _ in range(5)]
        _ = [make_job(other) for other in others]
        world = World()

        with child(WORKER, environment=environment, log=tmp_path / "log") as worker:
            worker.wait_for_line(READY)
            world.until_all_ready(document, *others)

        started = IngestionJob.objects.values_list("started_at", flat=True)
        pauses = [after - before for before, after in pairwise(sorted(filter(None, started)))]
        assert len(pauses) == 11
        assert max(pauses) < timedelta(seconds=PAUSE_SECONDS)

    def test_gives_its_work_back_when_it_is_asked_to_end(
        self, environment: dict[str, str], tmp_path: Path, document: Document, redis: Redis
    ) -> None:
        world = World()
        with child(WORKER, environment=environment, log=tmp_path / "log") as worker:
            worker.wait_for_line(READY)
            world.until_seen(redis, 1)

            seconds = worker.terminate()

        job = version_of(document).jobs.get()
        assert seconds < END_SECONDS
        assert (job.state, job.faults, job.deaths) == (JobState.QUEUED, 0, 0)
        broker = jobs.broker_load(queue=Queue.INGEST_WORKER)
        assert broker is not None
        assert broker.slots is None

    def test_leaves_its_work_to_a_successor_when_it_is_killed(
        self, environment: dict[str, str], tmp_path: Path, document: Document, redis: Redis
    ) -> None:
        world = World()
        with child(WORKER, environment=environment, log=tmp_path / "first") as first:
            first.wait_for_line(READY)
            world.until_seen(redis, 1)
            first.kill()
        end_leases()
        redis.set(GO, 1)

        with child(WORKER, environment=environment, log=tmp_path / "second") as second:
            second.wait_for_line(READY)
            world.until_state(document, VersionState.READY)

        opened = version_of(document).jobs.get(stage="open")
        assert (opened.deaths, opened.faults) == (1, 0)

    def test_takes_no_more_jobs_while_it_is_drained(
        self, environment: dict[str, str], tmp_path: Path, document: Document, redis: Redis
    ) -> None:
        redis.set(GO, 1)
        world = World()
        with child(WORKER, environment=environment, log=tmp_path / "log") as worker:
            worker.wait_for_line(READY)
            world.until_state(document, VersionState.READY)
            Worker.objects.update(is_draining=True)
            wait_until(lambda: _slots() == 0, seconds=15, what="offer of no slots")
            late = make_document(document.brain)
            hinted = make_job(late)
            jobs.send_hint(queue=Queue.INGEST_WORKER, job_id=hinted.pk)

            time.sleep(PAUSE_SECONDS)
            state_while_drained = version_of(late).state
            Worker.objects.update(is_draining=False)
            world.until_state(late, VersionState.READY)

        assert state_while_drained == VersionState.RECEIVED
        assert "Traceback" not in worker.log.read_text()

    def test_stops_when_the_document_goes(
        self, environment: dict[str, str], tmp_path: Path, document: Document, redis: Redis
    ) -> None:
        world = World()
        with child(WORKER, environment=environment, log=tmp_path / "log") as worker:
            worker.wait_for_line(READY)
            world.until_seen(redis, 1)

            document.delete()

            worker.wait_for_line("no longer ours", seconds=15)
            other = make_document(make_brain(owner=make_user()))
            make_job(other)
            redis.set(GO, 1)
            world.until_state(other, VersionState.READY)

        assert "Traceback" not in worker.log.read_text()


class TestWorkerAndBroker:
    def test_begins_before_the_broker_and_outlives_it(
        self,
        environment: dict[str, str],
        tmp_path: Path,
        document: Document,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        port = free_port()
        address = f"redis://127.0.0.1:{port}/0"
        environment["REDIS_URL"] = address
        monkeypatch.setattr(settings, "REDIS_URL", address)
        monkeypatch.setitem(settings.CELERY, "broker_url", address)
        jobs.redis_client.cache_clear()
        jobs._producer.cache_clear()
        broker = valkey.command(folder=tmp_path, port=port)
        world = World()

        with child(WORKER, environment=environment, log=tmp_path / "log") as worker:
            worker.wait_for_line("Cannot connect")
            with running(broker, port=port, stop_signal=signal.SIGKILL):
                wait_until(lambda: not _is_away(address), seconds=10, what="answer")
                jobs.redis_client().set(GO, 1)
                world.until_state(document, VersionState.READY)
            wait_until(lambda: _is_away(address), seconds=5, what="silence")
            other = make_document(make_brain(owner=make_user()))
            make_job(other)
            with running(broker, port=port, stop_signal=signal.SIGTERM):
                wait_until(lambda: not _is_away(address), seconds=10, what="answer")
                jobs.redis_client().set(GO, 1)
                world.until_state(other, VersionState.READY)
            still_there = worker.is_running

        jobs.redis_client.cache_clear()
        jobs._producer.cache_clear()
        assert still_there


def _is_away(address: str) -> bool:
    try:
        with Redis.from_url(address) as client:
            client.ping()
    except RedisError:
        return True
    return False
