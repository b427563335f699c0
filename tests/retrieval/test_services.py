import hashlib

import pytest
from django.db import IntegrityError, connection, transaction

from chatbot.documents.models import DocumentVersion
from chatbot.retrieval.models import Chunk, Embedding, IndexGeneration
from chatbot.retrieval.services import PageChunk, active_generation, remove_chunks, store_chunks
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import make_document, version_of
from tests.factories.retrieval import EAST, MODEL, NORTH, index_document

pytestmark = pytest.mark.django_db


class TestActiveGeneration:
    def test_is_made_once(self) -> None:
        first = active_generation(model_name=MODEL, dimensions=3)
        again = active_generation(model_name=MODEL, dimensions=3)

        assert first.pk == again.pk
        assert again.is_active

    def test_gives_way_to_a_new_model(self) -> None:
        old = active_generation(model_name="old", dimensions=3)
        new = active_generation(model_name="new", dimensions=3)

        assert list(IndexGeneration.objects.filter(is_active=True)) == [new]
        assert IndexGeneration.objects.filter(pk=old.pk).exists()

    def test_comes_with_an_index_over_its_vectors_alone(self) -> None:
        generation = active_generation(model_name=MODEL, dimensions=384)

        definition = _index(f"embedding_vectors_{generation.pk}")
        assert "hnsw" in definition
        assert "halfvec(384)" in definition
        assert f"generation_id = {generation.pk}" in definition

    def test_has_no_index_where_vectors_are_too_long_for_one(self) -> None:
        generation = active_generation(model_name=MODEL, dimensions=5000)

        assert _index(f"embedding_vectors_{generation.pk}") == ""


class TestStoreChunks:
    def test_keeps_places_and_vectors(self) -> None:
        version = version_of(make_document(make_brain(owner=make_user())))

        _store(version, PageChunk(3, 0, 4, "Some"), PageChunk(3, 5, 9, "text"))

        chunks = Chunk.objects.order_by("ordinal").values_list(
            "brain", "page_from", "page_to", "ordinal", "start", "end", "text", "lexeme_count"
        )
        assert list(chunks) == [
            (version.document.brain_id, 3, 3, 0, 0, 4, "Some", 0),
            (version.document.brain_id, 3, 3, 1, 5, 9, "text", 1),
        ]
        vectors = Embedding.objects.order_by("chunk__ordinal").values_list("vector", flat=True)
        assert [list(vector) for vector in vectors] == [EAST, NORTH]

    def test_finds_a_passage_by_its_headings_and_shows_its_text_alone(self) -> None:
        version = version_of(make_document(make_brain(owner=make_user())))
        passage = PageChunk(1, 0, 10, "| 1 | 2 |", ("Volcanoes", "Ash"), "| a | b |\n|---|---|")

        _store(version, passage)

        chunk = Chunk.objects.get()
        embedded = "Volcanoes\nAsh\n| a | b |\n|---|---|\n| 1 | 2 |"
        assert (chunk.text, chunk.headings) == ("| 1 | 2 |", "Volcanoes\nAsh")
        assert chunk.embedded_sha256 == hashlib.sha256(embedded.encode()).hexdigest()
        assert "volcano" in str(chunk.lexemes)

    def test_refuses_a_page_that_is_stored(self) -> None:
        version = version_of(make_document(make_brain(owner=make_user())))
        _store(version, PageChunk(1, 0, 5, "First"))

        with pytest.raises(IntegrityError, match="chunk_place_unique"), transaction.atomic():
            _store(version, PageChunk(1, 0, 6, "Second"))

        assert list(Chunk.objects.values_list("text", flat=True)) == ["First"]

    def test_stores_nothing_of_blank_pages(self) -> None:
        _store(version_of(make_document(make_brain(owner=make_user()))))

        assert not Chunk.objects.exists()
        assert not IndexGeneration.objects.exists()

    def test_refuses_a_vector_too_few(self) -> None:
        version = version_of(make_document(make_brain(owner=make_user())))

        with pytest.raises(ValueError, match="shorter"):
            _store(version, *[PageChunk(1, 0, 1, str(number)) for number in range(3)])

        assert not Chunk.objects.exists()


class TestRemoveChunks:
    def test_leaves_other_pages_alone(self) -> None:
        document = index_document(make_brain(owner=make_user()), "Page one", "Page two")

        remove_chunks(version_id=version_of(document).pk, pages=[1, 3])

        assert list(Chunk.objects.values_list("text", flat=True)) == ["Page two"]
        assert Embedding.objects.count() == 1


def _store(version: DocumentVersion, *chunks: PageChunk) -> None:
    """The first two get vectors."""
    store_chunks(
        version_id=version.pk,
        brain_id=version.document.brain_id,
        chunks=chunks,
        vectors=[EAST, NORTH][: len(chunks)],
        model_name=MODEL,
    )


def _index(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(indexdef), '') FROM pg_indexes WHERE indexname = %s", [name]
        )
        return str(cursor.fetchone()[0])
