"""Scans, from the file to the index."""

from pathlib import Path

import pytest

from chatbot.contracts.errors import Unavailable
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import JobState, PageSource, VersionState
from chatbot.retrieval.models import Chunk
from ocr_worker import sandbox
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
        assert page.engine == "tesseract"
        assert len(page.image_sha256) == 64
        assert page.confidence is not None
        assert page.confidence > 0.5
        assert len(page.boxes) > 50
        assert Chunk.objects.filter(version=version).exists()

    def test_waits_while_the_trained_data_are_missing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(*_: object) -> None:
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
