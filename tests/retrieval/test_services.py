import hashlib

import pytest
from django.db import connection

from chatbot.documents.models import Document
from chatbot.retrieval.models import Chunk, Embedding, IndexGeneration
from chatbot.retrieval.services import PageChunk, active_generation, store_chunks
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

        store_chunks(
            version=version,
            pages=[3],
            chunks=[PageChunk(3, 0, 4, "Some"), PageChunk(3, 5, 9, "text")],
            vectors=[EAST, NORTH],
            model_name=MODEL,
        )

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

        store_chunks(version=version, pages=[1], chunks=[passage], vectors=[EAST], model_name=MODEL)

        chunk = Chunk.objects.get()
        embedded = "Volcanoes\nAsh\n| a | b |\n|---|---|\n| 1 | 2 |"
        assert (chunk.text, chunk.headings) == ("| 1 | 2 |", "Volcanoes\nAsh")
        assert chunk.embedded_sha256 == hashlib.sha256(embedded.encode()).hexdigest()
        assert "volcano" in str(chunk.lexemes)

    def test_done_twice_is_done_once(self) -> None:
        document = make_document(make_brain(owner=make_user()))

        _store(document, "First try")
        _store(document, "Second try")

        assert list(Chunk.objects.values_list("text", flat=True)) == ["Second try"]
        assert Embedding.objects.count() == 1

    def test_leaves_other_pages_alone(self) -> None:
        document = index_document(make_brain(owner=make_user()), "Page one", "Page two")

        _store(document, "Page one again")

        assert set(Chunk.objects.values_list("text", flat=True)) == {"Page one again", "Page two"}

    def test_forgets_a_page_that_is_blank_now(self) -> None:
        document = index_document(make_brain(owner=make_user()), "Page one", "Page two")

        store_chunks(
            version=version_of(document), pages=[2], chunks=[], vectors=[], model_name=MODEL
        )

        assert list(Chunk.objects.values_list("text", flat=True)) == ["Page one"]

    def test_refuses_a_vector_too_few(self) -> None:
        version = version_of(make_document(make_brain(owner=make_user())))
        chunks = [PageChunk(1, 0, 1, "a"), PageChunk(1, 1, 2, "b")]

        with pytest.raises(ValueError, match="shorter"):
            store_chunks(
                version=version, pages=[1], chunks=chunks, vectors=[EAST], model_name=MODEL
            )

        assert not Chunk.objects.exists()


def _store(document: Document, text: str) -> None:
    store_chunks(
        version=version_of(document),
        pages=[1],
        chunks=[PageChunk(1, 0, len(text), text)],
        vectors=[EAST],
        model_name=MODEL,
    )


def _index(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(indexdef), '') FROM pg_indexes WHERE indexname = %s", [name]
        )
        return str(cursor.fetchone()[0])
