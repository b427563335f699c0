"""From the file to the index, with real files, parsers and an embedding server."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import (
    Document,
    IngestionJob,
    JobState,
    PageSource,
    VersionState,
)
from chatbot.documents.services import cancel_document, files, reread_document, retry_document
from chatbot.retrieval.models import Chunk, Embedding, IndexGeneration
from chatbot.retrieval.services import store_chunks
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import upload, version_of
from tests.factories.inference import make_embedding_endpoint
from tests.fakes.embedding_server import MODEL, running_embedding_server
from tests.fakes.scripted_server import ScriptedServer
from tests.ingesting import ingest, run_next

pytestmark = pytest.mark.django_db(transaction=True)
DATA = Path(__file__).resolve().parents[1] / "data"
LOCK_SECONDS = 20


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def brain(user: User) -> Brain:
    return make_brain(owner=user)


@pytest.fixture
def embeddings(scripted_server: ScriptedServer) -> ScriptedServer:
    """The default embedding model, served."""
    make_embedding_endpoint(base_url=scripted_server.base_url)
    return scripted_server


def upload_data(user: User, brain: Brain, name: str) -> Document:
    return upload(user, brain, (DATA / name).read_bytes(), name=name).document


def waiting(document: Document) -> IngestionJob:
    return version_of(document).jobs.get(state=JobState.QUEUED)


def cancel_in_own_session(user: User, document: Document) -> None:
    try:
        cancel_document(user=user, document_id=document.pk)
    finally:
        connection.close()


class TestIngestion:
    @pytest.mark.usefixtures("embeddings")
    def test_makes_a_pdf_searchable_page_by_page(self, user: User, brain: Brain) -> None:
        document = upload_data(user, brain, "english.pdf")

        version = ingest(document)

        pages = version.pages.order_by("number")
        chunks = list(Chunk.objects.filter(version=version).order_by("page_from", "ordinal"))
        texts = {page.number: page.text for page in pages}
        assert (version.state, version.pages_total, version.pages_done) == (
            VersionState.READY,
            5,
            5,
        )
        assert {page.source for page in pages} == {PageSource.TEXT_LAYER}
        assert all(page.boxes and page.width and page.height for page in pages)
        assert {chunk.page_from for chunk in chunks} == {1, 2, 3, 4, 5}
        assert all(
            chunk.text == texts[chunk.page_from][chunk.start : chunk.end] for chunk in chunks
        )
        assert Embedding.objects.filter(chunk__version=version).count() == len(chunks)
        assert IndexGeneration.objects.get(is_active=True).dimensions > 0

    @pytest.mark.usefixtures("embeddings")
    def test_reads_formats_without_pages_when_it_opens_them(self, user: User, brain: Brain) -> None:
        document = upload_data(user, brain, "english.docx")

        version = ingest(document)

        stages = version.jobs.values_list("stage", flat=True)
        assert version.state == VersionState.READY
        assert Chunk.objects.filter(version=version).exists()
        assert set(stages) == {"open", "index"}

    @pytest.mark.usefixtures("embeddings")
    def test_fails_a_broken_file_with_a_sentence(self, user: User, brain: Brain) -> None:
        document = upload(user, brain, b"%PDF-1.7\nnothing that follows", name="x.pdf").document

        version = ingest(document)

        assert (version.state, version.error_code) == (VersionState.FAILED, "file-broken")
        assert version.error_sentence

    @pytest.mark.usefixtures("embeddings")
    def test_fails_when_the_stored_file_is_gone(self, user: User, brain: Brain) -> None:
        document = upload_data(user, brain, "english.pdf")
        files.remove_files(names=[version_of(document).storage_name])

        version = ingest(document)

        assert (version.state, version.error_code) == (VersionState.FAILED, "file-missing")

    def test_waits_for_an_embedding_server_and_keeps_what_was_read(
        self, user: User, brain: Brain, scripted_server: ScriptedServer
    ) -> None:
        document = upload_data(user, brain, "english.pdf")
        before = ingest(document)
        job = waiting(document)
        make_embedding_endpoint(base_url=scripted_server.base_url)
        IngestionJob.objects.filter(pk=job.pk).update(run_after=job.created_at)

        after = ingest(document)

        assert (before.state, before.pages_total) == (VersionState.INDEXING, 5)
        assert (job.error_code, job.waits, job.faults) == ("embedding-missing", 1, 0)
        assert after.state == VersionState.READY

    def test_does_not_blame_the_document_for_a_server_that_fails(
        self, user: User, brain: Brain, embeddings: ScriptedServer
    ) -> None:
        embeddings.script(error_status=500)
        document = upload_data(user, brain, "english.pdf")

        version = ingest(document)

        job = waiting(document)
        assert version.state == VersionState.INDEXING
        assert (job.waits, job.faults) == (1, 0)

    def test_does_not_blame_the_document_for_a_server_that_refuses_everything(
        self, user: User, brain: Brain, embeddings: ScriptedServer
    ) -> None:
        embeddings.script(error_status=400)
        document = upload_data(user, brain, "english.pdf")

        version = ingest(document)

        assert version.state == VersionState.INDEXING
        assert waiting(document).waits == 1

    @pytest.mark.usefixtures("embeddings")
    def test_indexes_again_without_doubling_anything(self, user: User, brain: Brain) -> None:
        document = upload_data(user, brain, "english.pdf")
        first = ingest(document)
        count = Chunk.objects.count()
        first.pages.update(indexed_at=None)
        first.jobs.filter(stage="index").update(state=JobState.CANCELLED)
        first.state = VersionState.CANCELLED
        first.save()

        retry_document(user=user, document_id=document.pk)
        second = ingest(document)

        assert second.state == VersionState.READY
        assert Chunk.objects.count() == Embedding.objects.count() == count


class TestIndexPages:
    @pytest.mark.usefixtures("embeddings")
    def test_gives_others_their_turn_and_goes_on_later(
        self, user: User, brain: Brain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        document = upload_data(user, brain, "english.pdf")

        with monkeypatch.context() as patched:
            patched.setattr("ingest_worker.index.UNIT_SECONDS", 0.0)
            patched.setattr("ingest_worker.index.STORED_CHUNKS", 1)
            run_next(document)
        job = waiting(document)
        half_way = version_of(document)
        after = ingest(document)

        assert job.stage == Stage.INDEX
        assert 0 < half_way.pages_done < 5
        assert (job.faults, job.deaths, job.waits) == (0, 0, 0)
        assert after.state == VersionState.READY

    @pytest.mark.usefixtures("embeddings")
    def test_writes_passages_without_locks_and_drops_them_where_the_lease_is_lost_meanwhile(
        self, user: User, brain: Brain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        document = upload_data(user, brain, "english.pdf")
        written = []

        def store_and_lose_the_lease(**passages: Any) -> None:  # noqa: ANN401 - as they came
            store_chunks(**passages)
            written.append(Chunk.objects.count())
            # From another session, which would wait if the rows were locked.
            with ThreadPoolExecutor(1) as other:
                other.submit(cancel_in_own_session, user, document).result(LOCK_SECONDS)

        monkeypatch.setattr("ingest_worker.index.store_chunks", store_and_lose_the_lease)

        version = ingest(document)

        assert written[0] > 0
        assert not Chunk.objects.exists()
        assert (version.state, version.pages_done) == (VersionState.CANCELLED, 0)

    def test_embeds_the_same_text_once_in_a_brain_and_forgets_it_with_the_documents(
        self, user: User, brain: Brain, embeddings: ScriptedServer
    ) -> None:
        text = "The same words, again and again, on each page.\n\n" * 100
        first = upload(user, brain, text.encode(), name="a.txt").document
        other = upload(user, brain, b"\n" + text.encode(), name="b.txt").document
        ingest(first)
        embedded = embeddings.stats()["texts_embedded"]

        state = ingest(other).state
        again = embeddings.stats()["texts_embedded"]
        first.delete()
        other.delete()

        assert state == VersionState.READY
        assert again == embedded > 0
        assert not Chunk.objects.exists()
        assert not Embedding.objects.exists()

    @pytest.mark.usefixtures("embeddings")
    def test_knows_on_each_page_the_chapter_that_it_is_in(self, user: User, brain: Brain) -> None:
        text = "# Volcanoes\n\n" + "A sentence about mountains that smoke.\n\n" * 600
        document = upload(user, brain, text.encode(), name="a.md").document

        version = ingest(document)

        last = Chunk.objects.filter(version=version).order_by("page_from", "ordinal").last()
        assert last is not None
        assert last.page_from > 1
        assert last.headings == "Volcanoes"

    def test_cuts_what_the_server_finds_too_long_and_keeps_its_place(
        self, user: User, brain: Brain
    ) -> None:
        text = "Some words that stand in a row, one after the other. " * 40
        document = upload(user, brain, text.encode(), name="a.txt").document
        with running_embedding_server(max_tokens=300) as server:
            make_embedding_endpoint(base_url=server.base_url, upstream_model=MODEL)

            version = ingest(document)

        page = version.pages.get()
        chunks = list(Chunk.objects.filter(version=version).order_by("ordinal"))
        assert version.state == VersionState.READY
        assert len(chunks) > len(text) / 300
        assert all(chunk.text == page.text[chunk.start : chunk.end] for chunk in chunks)
        assert all(len(chunk.text) <= 300 for chunk in chunks)
        assert Embedding.objects.filter(chunk__version=version).count() == len(chunks)

    def test_keeps_the_pages_that_were_embedded_before_a_server_failed(
        self, user: User, brain: Brain
    ) -> None:
        document = upload_data(user, brain, "english.pdf")
        with running_embedding_server(fails_after=6) as server:
            endpoint = make_embedding_endpoint(base_url=server.base_url, upstream_model=MODEL)
            endpoint.options = {"batch_texts": 1, "batches_at_once": 1}
            endpoint.save()
            half_way = ingest(document)
            stored = set(Chunk.objects.values_list("page_from", flat=True))
            done = set(half_way.pages.exclude(indexed_at=None).values_list("number", flat=True))
            server.fails_after = None
            half_way.jobs.update(run_after=half_way.created_at)
            after = ingest(document)

        texts = [text for request in server.requests for text in request]
        assert (half_way.state, after.state) == (VersionState.INDEXING, VersionState.READY)
        assert half_way.pages_done == len(done)
        assert 0 < len(done) < 5
        assert stored == done
        assert len(texts) - len(set(texts)) < 4

    def test_embeds_nothing_again_when_a_document_is_read_again(
        self, user: User, brain: Brain, embeddings: ScriptedServer
    ) -> None:
        document = upload_data(user, brain, "english.pdf")
        ingest(document)
        count, embedded = Chunk.objects.count(), embeddings.stats()["texts_embedded"]

        reread_document(user=user, document_id=document.pk)
        while run_next(document):
            pass

        document.refresh_from_db()
        assert document.next_version is None
        assert embeddings.stats()["texts_embedded"] == embedded
        assert Embedding.objects.filter(chunk__version=document.current_version).count() == count
