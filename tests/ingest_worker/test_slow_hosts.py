"""A worker of one slot, and a host that answers one byte a second: nobody else waits for it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatbot.documents.models import Document, IngestionJob, JobState
from chatbot.documents.services import fetch_document
from chatbot.scheduler.leader import Scheduler
from chatbot.uploads.services.batches import NewItem
from tests.child_processes import child, child_environment, wait_until
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import upload
from tests.factories.uploads import make_batch
from tests.fakes.web_server import WebServer, running_web_server

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WORKER = ["-m", "celery", "-A", "ingest_worker.app", "worker", "--concurrency", "1"]
URLS = 50
BEGIN_SECONDS = 30.0
"""Whoever waits for the slow host waits for minutes."""
SHORT = b"A note."
LONG = b"A sentence. " * 700_000


@pytest.fixture
def slow_host() -> Iterator[WebServer]:
    with running_web_server() as server:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        for number in range(URLS):
            server.answers[f"/{number}.txt"] = [[head, *[b"x"] * 1000]]
        server.seconds_between = 1.0
        yield server


@pytest.fixture
def quick_host() -> Iterator[WebServer]:
    with running_web_server() as server:
        server.gives("/note.txt", b"Some text of a quick host.")
        yield server


def work_until(is_true: Callable[[], bool], scheduler: Scheduler) -> None:
    """The scheduler works meanwhile."""

    def tick() -> bool:
        scheduler.tick()
        return is_true()

    wait_until(tick, seconds=BEGIN_SECONDS, what="beginning")


def is_begun(document: Document) -> bool:
    jobs = IngestionJob.objects.filter(version__document=document)
    return jobs.exclude(state=JobState.QUEUED).exists()


class TestSlowHost:
    def test_keeps_nobody_elses_documents_waiting(
        self, tmp_path: Path, stored: Path, slow_host: WebServer, quick_host: WebServer
    ) -> None:
        environment = child_environment(settings_module="ingest_worker.settings", home=tmp_path) | {
            "OUTBOUND_PRIVATE_HOSTS": "127.0.0.1",
            "STORAGE_URL": f"file://{stored}",
        }
        ann, ben = make_user(), make_user()
        brain = make_brain(owner=ben)
        addresses = [NewItem(ref=str(n), url=slow_host.url(f"/{n}.txt")) for n in range(URLS)]
        make_batch(ann, make_brain(owner=ann), *addresses)
        scheduler = Scheduler()

        with child(WORKER, environment=environment, log=tmp_path / "log") as worker:
            worker.wait_for_line("is ready")
            work_until(lambda: len(slow_host.requests) > 0, scheduler)
            short = upload(ben, brain, SHORT).document
            work_until(lambda: is_begun(short), scheduler)
            fetched = fetch_document(user=ben, brain_id=brain.pk, url=quick_host.url("/note.txt"))
            work_until(lambda: is_begun(fetched), scheduler)
            long = upload(ben, brain, LONG).document
            work_until(lambda: is_begun(long), scheduler)
            still_fetched = IngestionJob.objects.filter(stage="fetch", state=JobState.RUNNING)
            anns = still_fetched.filter(version__document__created_by=ann).count()
            worker.terminate()

        assert anns == 1
        assert "Traceback" not in worker.log.read_text()
