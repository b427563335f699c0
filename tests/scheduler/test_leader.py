"""`manage.py scheduler` as a process."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings
from redis import Redis

from chatbot.contracts import keys
from chatbot.contracts.tasks import Queue
from chatbot.embedded import postgres
from tests.child_processes import Child, child, child_environment, wait_until
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import make_document, make_job
from tests.servers import PASSWORD, free_port, running

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
SCHEDULER = ["manage.py", "scheduler"]
END_SECONDS = 8
"""It takes a fraction of one; a busy machine may need more to take a process down."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return child_environment(settings_module="chatbot.settings.chatbot", home=tmp_path)


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis.from_url(settings.REDIS_URL) as client:
        yield client


def hints(redis: Redis) -> int:
    with redis.pipeline() as pipe:
        pipe.llen(keys.celery_queue(Queue.INGEST_WORKER))
        return int(pipe.execute()[0])


class TestScheduler:
    def test_sends_hints_and_ends_when_it_is_asked_to(
        self, environment: dict[str, str], tmp_path: Path, redis: Redis
    ) -> None:
        with child(SCHEDULER, environment=environment, log=tmp_path / "log") as scheduler:
            scheduler.wait_for_line("this scheduler leads")
            make_job(make_document(make_brain(owner=make_user())))
            wait_until(lambda: hints(redis) == 1, seconds=30, what="hint")

            seconds = scheduler.terminate()

        assert seconds < END_SECONDS
        assert "Traceback" not in scheduler.log.read_text()

    def test_stands_by_until_the_leader_dies(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        with ExitStack() as stack:
            first, second = (
                stack.enter_context(child(SCHEDULER, environment=environment, log=tmp_path / name))
                for name in ("first", "second")
            )
            leads = "this scheduler leads"
            wait_until(
                lambda: leads in first.log.read_text() + second.log.read_text(),
                seconds=30,
                what="leader",
            )
            leader, other = _sorted_by_leadership(first, second)
            stood_by = leads not in other.log.read_text()

            leader.kill()

            other.wait_for_line(leads)
            assert stood_by

    def test_needs_no_redis_to_start(
        self, environment: dict[str, str], tmp_path: Path, redis: Redis
    ) -> None:
        environment["REDIS_URL"] = "redis://127.0.0.1:1/0"
        make_job(make_document(make_brain(owner=make_user())))

        with child(SCHEDULER, environment=environment, log=tmp_path / "log") as scheduler:
            scheduler.wait_for_line("this scheduler leads")
            seconds = scheduler.terminate()

        assert seconds < END_SECONDS
        assert hints(redis) == 0


class TestSchedulerWithoutPostgres:
    def test_waits_for_postgres_and_leads_again_when_it_is_back(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        folder, port = tmp_path / "postgres", free_port()
        tmp_path.chmod(0o755)
        environment["DATABASE_URL"] = f"postgresql://brainstem:{PASSWORD}@127.0.0.1:{port}/postgres"
        postgres.initialise(folder=folder, password=PASSWORD)
        command = postgres.command(folder=folder, port=port)
        migrate = ["manage.py", "migrate", "--verbosity", "0"]

        with child(SCHEDULER, environment=environment, log=tmp_path / "log") as scheduler:
            scheduler.wait_for_line("PostgreSQL is away")
            with (
                running(command, port=port, stop_signal=signal.SIGINT),
                child(migrate, environment=environment, log=tmp_path / "migrate") as migration,
            ):
                wait_until(lambda: not migration.is_running, seconds=60, what="schema")
                scheduler.wait_for_line("this scheduler leads")
            wait_until(
                lambda: scheduler.log.read_text().count("PostgreSQL is away") == 2,
                seconds=30,
                what="second warning",
            )
            with running(command, port=port, stop_signal=signal.SIGINT):
                wait_until(
                    lambda: scheduler.log.read_text().count("this scheduler leads") == 2,
                    seconds=30,
                    what="second lead",
                )
                seconds = scheduler.terminate()

        assert seconds < END_SECONDS


def _sorted_by_leadership(*schedulers: Child) -> list[Child]:
    """The leader first."""
    return sorted(schedulers, key=lambda child: "leads" not in child.log.read_text())
