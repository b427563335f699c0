"""Scans, from the file to the index."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pytest_django import Settings

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.contracts.errors import Unavailable
from chatbot.contracts.ocr import RAPIDOCR, TESSERACT, VISION
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import Document, JobState, Page, PageSource, VersionState
from chatbot.documents.services import reread_document
from chatbot.retrieval.models import Chunk
from ocr_worker import readers, sandbox
from ocr_worker.engines.protocol import RecognisedPage
from ocr_worker.readers import reader_name
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import upload, version_of
from tests.factories.inference import make_embedding_endpoint
from tests.fakes.scripted_server import ScriptedServer
from tests.ingesting import ingest, run_next

pytestmark = pytest.mark.django_db(transaction=True)
DATA = Path(__file__).resolve().parents[1] / "data"


class TestRecognisePages:
    def test_makes_a_korean_scan_searchable(self, scripted_server: ScriptedServer) -> None:
        make_embedding_endpoint(base_url=scripted_server.base_url)
        user = make_user()
        content = (DATA / "korean-scan.jpg").read_bytes()
        document = upload(user, make_brain(owner=user), content, name="scan.jpg").document

        version = ingest(document)

        page = version.pages.get()
        assert (version.state, version.pages_total, version.pages_done) == (
            VersionState.READY,
            1,
            1,
        )
        assert page.source == PageSource.OCR
        assert page.engine == reader_name(TESSERACT)
        assert len(page.image_sha256) == 64
        assert page.confidence is not None
        assert page.confidence > 0.5
        assert len(page.boxes) > 50
        assert Chunk.objects.filter(version=version).exists()

    def test_waits_while_the_trained_data_are_missing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(*_: object, **__: object) -> None:
            raise Unavailable("No trained data.", code="ocr-data-missing")

        monkeypatch.setattr(sandbox, "recognise", missing)
        user = make_user()
        content = (DATA / "korean-scan.jpg").read_bytes()
        document = upload(user, make_brain(owner=user), content, name="scan.jpg").document

        ran = [run_next(document) for _ in range(2)]

        job = version_of(document).jobs.get(stage=Stage.OCR)
        assert ran == [True, False]
        assert (job.state, job.waits, job.faults) == (JobState.QUEUED, 1, 0)
        assert job.error_code == "ocr-data-missing"


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def brain(user: User, scripted_server: ScriptedServer) -> Brain:
    make_embedding_endpoint(base_url=scripted_server.base_url)
    return make_brain(owner=user)


FIRST_LINE = (0, 80, 640, 125)
SECOND_LINE = (0, 115, 640, 160)


def crop(box: tuple[int, int, int, int]) -> Image.Image:
    with Image.open(DATA / "english-scan.tif") as scan:
        return scan.convert("L").crop(box)


def line(*, compression: int = 6) -> bytes:
    """A scanned line; the same picture in other bytes for each compression."""
    written = io.BytesIO()
    crop(FIRST_LINE).save(written, "PNG", compress_level=compression)
    return written.getvalue()


def two_lines(second: tuple[int, int, int, int] = FIRST_LINE) -> bytes:
    """A line on each of two pages; the same one if nothing else is said."""
    written = io.BytesIO()
    crop(FIRST_LINE).save(written, "TIFF", save_all=True, append_images=[crop(second)])
    return written.getvalue()


def read(user: User, brain: Brain, content: bytes) -> Page:
    document = upload(user, brain, content, name="line.png").document
    return ingest(document).pages.get()


def read_again(user: User, document: Document, *, engine: str = "") -> Page:
    reread_document(user=user, document_id=document.pk, engine=engine)
    document.refresh_from_db()
    ingest(document)
    document.refresh_from_db()
    return version_of(document).pages.get()


class TestEngines:
    def test_that_are_asked_for_read_the_file_again(
        self, user: User, brain: Brain, settings: Settings
    ) -> None:
        settings.OCR_ENGINES = [TESSERACT, RAPIDOCR]
        first = read(user, brain, line())

        again = read_again(user, first.version.document, engine=RAPIDOCR)

        assert first.engine == reader_name(TESSERACT)
        assert again.engine == reader_name(RAPIDOCR)
        assert again.version_id != first.version_id
        assert "12 point text" in again.text

    def test_on_a_server_are_sent_a_picture_of_the_page(
        self, user: User, brain: Brain, settings: Settings, scripted_server: ScriptedServer
    ) -> None:
        settings.OCR_ENGINES = [VISION]
        settings.OCR_VISION_SERVER = replace(
            settings.OCR_VISION_SERVER, url=scripted_server.base_url, model="sees"
        )
        scripted_server.script(text="A line of text.")

        page = read(user, brain, line())

        assert (page.text, page.source, page.boxes, page.confidence) == (
            "A line of text.",
            PageSource.OCR,
            [],
            None,
        )
        assert page.engine == reader_name(VISION)
        assert (page.width, page.height) == (640, 45)

    def test_on_a_server_are_sent_each_picture_once(
        self, user: User, brain: Brain, settings: Settings, scripted_server: ScriptedServer
    ) -> None:
        settings.OCR_ENGINES = [VISION]
        settings.OCR_VISION_SERVER = replace(
            settings.OCR_VISION_SERVER, url=scripted_server.base_url, model="sees"
        )
        scripted_server.script(text="A line of text.")
        document = upload(user, brain, two_lines(), name="lines.tif").document

        pages = ingest(document).pages.order_by("number")

        assert [(page.number, page.text) for page in pages] == [
            (1, "A line of text."),
            (2, "A line of text."),
        ]
        assert len(scripted_server.requests()) == 1

    def test_that_this_worker_lacks_are_waited_for(
        self, user: User, brain: Brain, settings: Settings
    ) -> None:
        settings.OCR_ENGINES = [TESSERACT, RAPIDOCR]
        document = read(user, brain, line()).version.document
        reread_document(user=user, document_id=document.pk, engine=RAPIDOCR)
        settings.OCR_ENGINES = [TESSERACT]

        ingest(document)

        document.refresh_from_db()
        assert document.next_version is not None
        job = document.next_version.jobs.get(stage=Stage.OCR)
        assert (job.state, job.error_code, job.faults) == (JobState.QUEUED, "ocr-engine-missing", 0)


class TestPagesOfAScan:
    """Of one job: a child reads them one after the other."""

    def test_keep_what_stands_on_each(self, user: User, brain: Brain) -> None:
        document = upload(user, brain, two_lines(SECOND_LINE), name="two.tif").document

        first, second = ingest(document).pages.order_by("number")

        assert "12 point text" in first.text
        assert second.text
        assert second.text != first.text
        assert first.image_sha256 != second.image_sha256

    def test_are_read_once_where_they_show_the_same(
        self, user: User, brain: Brain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = []
        recognise = sandbox.recognise

        def watched(*arguments: Any, **named: Any) -> list[RecognisedPage]:  # noqa: ANN401 - as given
            answers.extend(recognise(*arguments, **named))
            return answers

        monkeypatch.setattr(sandbox, "recognise", watched)
        document = upload(user, brain, two_lines(), name="lines.tif").document

        pages = ingest(document).pages.order_by("number")

        assert [page.number for page in answers] == [1]
        assert [page.number for page in pages] == [1, 2]
        assert len({(page.text, page.image_sha256) for page in pages}) == 1


class TestWhatWasReadBefore:
    @pytest.fixture
    def first(self, user: User, brain: Brain) -> Page:
        """What was read once, with a text by which it is known again."""
        page = read(user, brain, line())
        page.text = "What was read before."
        page.save()
        return page

    def test_is_taken_for_the_same_picture_in_the_same_brain(
        self, user: User, brain: Brain, first: Page
    ) -> None:
        second = read(user, brain, line(compression=1))

        assert second.version.document_id != first.version.document_id
        assert second.text == first.text
        assert (second.boxes, second.confidence) == (first.boxes, first.confidence)
        assert (second.engine, second.image_sha256) == (first.engine, first.image_sha256)

    def test_is_not_taken_from_another_brain(self, user: User, first: Page) -> None:
        second = read(user, make_brain(owner=user), line())

        assert second.image_sha256 == first.image_sha256
        assert "12 point text" in second.text

    def test_is_not_taken_by_another_version_of_the_engine(
        self, user: User, brain: Brain, first: Page, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(readers.VERSIONS, TESSERACT, readers.VERSIONS[TESSERACT] + 1)

        second = read(user, brain, line(compression=1))

        assert second.engine != first.engine
        assert "12 point text" in second.text

    def test_is_not_taken_where_somebody_asks_to_read_again(self, user: User, first: Page) -> None:
        again = read_again(user, first.version.document)

        assert (again.engine, again.image_sha256) == (first.engine, first.image_sha256)
        assert "12 point text" in again.text
