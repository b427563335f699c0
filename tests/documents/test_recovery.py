"""The scheduler and both workers as processes, with real documents, while things break."""

import io
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pypdfium2
import pytest

from chatbot.brains.models import Brain
from chatbot.documents.models import (
    UNFINISHED_STATES,
    Document,
    DocumentVersion,
    IngestionJob,
    JobState,
    Page,
    VersionState,
)
from chatbot.embedded import tessdata
from chatbot.retrieval.models import Chunk, Embedding
from tests.child_processes import Child, child, child_environment, wait_until
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import upload, version_of
from tests.factories.inference import make_embedding_endpoint
from tests.fakes.scripted_server import ScriptedServer
from tests.outages import postgres_outage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.django_db(transaction=True),
]
DATA = Path(__file__).resolve().parents[1] / "data"
LONG_COPIES = 12


class Stack:
    """The processes that ingestion needs."""

    def __init__(self, *, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._starts = 0
        self.scheduler = self.start_scheduler()
        self.ingest = self.start_worker("ingest_worker")
        self.ocr = self.start_worker("ocr_worker")

    def start_scheduler(self) -> Child:
        return self._start("chatbot.settings.chatbot", ["manage.py", "scheduler"])

    def start_worker(self, name: str) -> Child:
        return self._start(f"{name}.settings", ["-m", "celery", "-A", f"{name}.app", "worker"])

    def _start(self, settings_module: str, words: list[str]) -> Child:
        self._starts += 1
        environment = child_environment(settings_module=settings_module, home=self._folder)
        environment["TESSDATA_PREFIX"] = tessdata.folder()
        log = self._folder / f"log-{self._starts}"
        return self._stack.enter_context(child(words, environment=environment, log=log))


@pytest.fixture
def stack(tmp_path: Path, scripted_server: ScriptedServer) -> Iterator[Stack]:
    make_embedding_endpoint(base_url=scripted_server.base_url)
    scripted_server.script(embedding_delay_ms=150)
    with ExitStack() as children:
        yield Stack(folder=tmp_path, stack=children)


@pytest.fixture
def documents() -> list[Document]:
    """A long one, a scan, and two short ones, just uploaded."""
    user = make_user()
    brain = make_brain(owner=user)
    long = upload(user, brain, _long_pdf(), name="long.pdf").document
    return [long, *(_upload_data(brain, name) for name in _SHORT)]


_SHORT = ("english.pdf", "english.docx", "korean-scan.jpg")


def _upload_data(brain: Brain, name: str) -> Document:
    assert brain.created_by is not None
    return upload(brain.created_by, brain, (DATA / name).read_bytes(), name=name).document


def _long_pdf() -> bytes:
    joined = pypdfium2.PdfDocument.new()
    with pypdfium2.PdfDocument(DATA / "english.pdf") as pages:
        for _ in range(LONG_COPIES):
            joined.import_pages(pages)
    buffer = io.BytesIO()
    joined.save(buffer)
    joined.close()
    return buffer.getvalue()


def until_ended(*, seconds: float = 240) -> None:
    unfinished = DocumentVersion.objects.filter(state__in=UNFINISHED_STATES)
    wait_until(lambda: not unfinished.exists(), seconds=seconds, what="end of all documents")


def until_running(stage: str) -> None:
    jobs = IngestionJob.objects.filter(stage=stage, state=JobState.RUNNING)
    wait_until(jobs.exists, seconds=60, what=f"running {stage}")


def assert_ready_and_whole(documents: list[Document]) -> None:
    versions = [version_of(document) for document in documents]
    pages = Page.objects.filter(version__in=versions).exclude(text="")
    places = set(Chunk.objects.values_list("version", "page_from"))
    assert [version.state for version in versions] == [VersionState.READY] * len(documents)
    assert [version.pages_done for version in versions] == [
        version.pages_total for version in versions
    ]
    assert places == set(pages.values_list("version", "number"))
    assert Embedding.objects.count() == Chunk.objects.count()


class TestIngestion:
    def test_survives_workers_that_are_killed_in_the_middle(
        self, stack: Stack, documents: list[Document]
    ) -> None:
        until_running("index")
        stack.ingest.kill()
        stack.start_worker("ingest_worker")
        until_running("ocr")
        stack.ocr.kill()
        stack.start_worker("ocr_worker")
        stack.scheduler.kill()
        stack.start_scheduler()

        until_ended()

        assert_ready_and_whole(documents)
        assert IngestionJob.objects.filter(deaths__gt=0).exists()

    def test_goes_on_by_itself_after_postgres_was_away(
        self, stack: Stack, documents: list[Document]
    ) -> None:
        until_running("index")

        with postgres_outage():
            time.sleep(6)
        until_ended()

        assert_ready_and_whole(documents)
        assert stack.scheduler.is_running
        assert stack.ingest.is_running
        assert stack.ocr.is_running
