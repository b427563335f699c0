"""Writes the search index: chunks, their lexemes, their embeddings."""

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID

import orjson
from django.db import connection, transaction
from psycopg.sql import SQL, Identifier

from chatbot.retrieval.lexemes import lexemes
from chatbot.retrieval.models import Chunk, IndexGeneration

_INDEXED_DIMENSIONS: Final = 4000
"""pgvector indexes half precision vectors up to here; longer ones are compared one by one."""
_WEIGHTS: Final = " DCBBA"
"""By how often a lexeme occurs in a chunk; the last one for all that is more. `selectors` reads a
weight in a microsecond where counting positions would take a hundred."""
_CHUNK_COLUMNS: Final = (
    "id",
    "brain_id",
    "version_id",
    "page_from",
    "page_to",
    "ordinal",
    "start",
    "end",
    "text",
    "headings",
    "embedded_sha256",
    "lexemes",
    "lexeme_count",
)
_EMBEDDING_COLUMNS: Final = ("chunk_id", "generation_id", "brain_id", "vector")


@dataclass(frozen=True)
class PageChunk:
    """A passage of one page: `text == page.text[start:end]`.

    What search needs of it is made when it is first asked for, and kept.
    """

    page: int
    """The page's number."""
    start: int
    end: int
    text: str
    headings: tuple[str, ...] = ()
    """The titles that it stands under, from the outermost in."""
    table_head: str = ""
    """Of the table whose rows it begins with, where that is in another passage."""

    @cached_property
    def embedded(self) -> str:
        """What is embedded, and what search by words sees; people are shown `text`."""
        return "\n".join(part for part in (*self.headings, self.table_head, self.text) if part)

    @cached_property
    def embedded_sha256(self) -> str:
        return hashlib.sha256(self.embedded.encode()).hexdigest()

    @cached_property
    def lexemes(self) -> list[str]:
        return lexemes(self.embedded)

    def prepare(self) -> None:
        """Makes what search needs, which takes longer than storing it."""
        _ = self.embedded_sha256, self.lexemes


@transaction.atomic
def active_generation(*, model_name: str, dimensions: int) -> IndexGeneration:
    """The generation of a model's vectors, made when it is new, and from now on the searched one.

    Questions are embedded by the same model as the newest chunks: what an older model embedded is
    found by its words until it is embedded again.
    """
    generation, is_new = IndexGeneration.objects.get_or_create(
        model_name=model_name, dimensions=dimensions
    )
    if not generation.is_active:
        IndexGeneration.objects.filter(is_active=True).update(is_active=False)
        IndexGeneration.objects.filter(pk=generation.pk).update(is_active=True)
        generation.is_active = True
    if is_new:
        _create_vector_index(generation)
    return generation


def remove_chunks(*, version_id: UUID, pages: Sequence[int]) -> None:
    """Takes pages out of what search finds."""
    Chunk.objects.filter(version=version_id, page_from__in=pages).delete()


@transaction.atomic
def store_chunks(
    *,
    version_id: UUID,
    brain_id: UUID,
    chunks: Sequence[PageChunk],
    vectors: Sequence[Sequence[float]],
    model_name: str,
) -> None:
    """Makes pages searchable, in the caller's transaction.

    Args:
        version_id: of the document.
        brain_id: where the document is.
        chunks: passages of pages that have none stored, in order.
        vectors: one for each chunk, of unit length.
        model_name: of the model that made the vectors.

    Raises:
        IntegrityError: a page has passages already, or the document is gone.
    """
    if not chunks:
        return
    generation = active_generation(model_name=model_name, dimensions=len(vectors[0]))
    ordinals: Counter[int] = Counter()
    rows, embeddings = [], []
    for chunk, vector in zip(chunks, vectors, strict=True):
        chunk_id = uuid.uuid4()
        ordinal = ordinals[chunk.page]
        ordinals[chunk.page] += 1
        rows.append((chunk_id, brain_id, version_id, *_fields(chunk, ordinal)))
        embeddings.append((chunk_id, generation.pk, brain_id, orjson.dumps(list(vector)).decode()))
    _copy("retrieval_chunk", _CHUNK_COLUMNS, rows)
    _copy("retrieval_embedding", _EMBEDDING_COLUMNS, embeddings)


def _copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Adds rows, without the models, whose INSERT costs more than the rows do."""
    statement = SQL("COPY {} ({}) FROM STDIN").format(
        Identifier(table), SQL(", ").join(map(Identifier, columns))
    )
    # Django translates the errors of what it calls itself: a lost connection must be told by its
    # own class here, too.
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(statement) as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _fields(chunk: PageChunk, ordinal: int) -> tuple[object, ...]:
    """By `_CHUNK_COLUMNS`, after the ids."""
    return (
        chunk.page,
        chunk.page,
        ordinal,
        chunk.start,
        chunk.end,
        chunk.text,
        "\n".join(chunk.headings),
        chunk.embedded_sha256,
        _search_vector(chunk.lexemes),
        len(chunk.lexemes),
    )


def _search_vector(found: Iterable[str]) -> str:
    """Lexemes as PostgreSQL writes them, each with one position whose weight is its count."""
    most = len(_WEIGHTS) - 1
    counts = Counter(found).items()
    return " ".join(f"'{lexeme}':1{_WEIGHTS[min(count, most)]}" for lexeme, count in counts)


def _create_vector_index(generation: IndexGeneration) -> None:
    """An approximate index over the vectors of one generation only: an expression with its size."""
    if generation.dimensions > _INDEXED_DIMENSIONS:
        return
    name = connection.ops.quote_name(f"embedding_vectors_{generation.pk}")
    with connection.cursor() as cursor:
        # Checks that wait for the commit would forbid it.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            f"CREATE INDEX IF NOT EXISTS {name} ON retrieval_embedding"
            f" USING hnsw ((vector::halfvec({generation.dimensions:d})) halfvec_cosine_ops)"
            f" WHERE generation_id = {generation.pk:d}"
        )
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
