"""From the file to the index, with real files, parsers and an embedding server."""

from pathlib import Path

import pytest
from pytest_django import DjangoAssertNumQueries

from chatbot import jobs
from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.contracts import keys
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import (
    Document,
    IngestionJob,
    JobState,
    PageSource,
    VersionState,
)
from chatbot.documents.services import files, ingestion, retry_document
from chatbot.retrieval.models import Chunk, Embedding, IndexGeneration
from ingest_worker import embed as embedding
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import upload, version_of
from tests.factories.inference import make_embedding_endpoint
from tests.fakes.scripted_server import ScriptedServer
from tests.ingesting import ingest, run_next

pytestmark = pytest.mark.django_db(transaction=True)
DATA = Path(__file__).resolve().parents[1] / "data"


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


class TestEmbed:
    def test_lets_questions_pass(self, embeddings: ScriptedServer) -> None:
        jobs.redis_client().set(keys.embedding_interactive(), 1, px=300)

        vectors = embedding.embed(["a text"], before_each=lambda: None)

        assert not jobs.redis_client().exists(keys.embedding_interactive())
        assert len(vectors.vectors) == 1
        assert embeddings.stats()

    def test_waits_for_questions_no_longer_than_a_second(
        self, embeddings: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(embedding, "LONGEST_YIELD_SECONDS", 0.2)
        jobs.redis_client().set(keys.embedding_interactive(), 1)

        vectors = embedding.embed(["a text"], before_each=lambda: None)

        assert len(vectors.vectors) == 1
        assert embeddings.stats()

    @pytest.mark.usefixtures("embeddings")
    def test_stops_between_batches_when_the_lease_is_lost(self) -> None:
        def lost() -> None:
            raise ingestion.LeaseLost

        with pytest.raises(ingestion.LeaseLost):
            embedding.embed(["a text"], before_each=lost)

    @pytest.mark.usefixtures("embeddings")
    def test_asks_the_database_once_for_all_texts(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(2):
            vectors = embedding.embed(["a text"] * 40, before_each=lambda: None)

        assert len(vectors.vectors) == 40
