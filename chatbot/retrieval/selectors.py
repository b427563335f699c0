"""Finds the passages of a brain that answer a question. Permission is in the query."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from psycopg.sql import SQL, Composable

from chatbot.accounts.models import User
from chatbot.brains.selectors import readable_brains
from chatbot.retrieval.lexemes import lexemes
from chatbot.retrieval.models import Chunk, Embedding
from chatbot.retrieval.ranking import (
    CONSTANTS,
    EXACT_ROWS,
    SAMPLE_ROWS,
    SIZE,
    Nearest,
    search_statement,
    words_parameters,
)

QUESTION_LEXEMES: Final = 32
"""More make a search slow and no better: the rest of a long question is left to its vector."""
_SPARE: Final = 3
"""Times the limit: so many are fetched, because some say the same."""
_SAME_SHARE: Final = 0.5
"""Of the shorter of two passages of a page: with more characters in common they say the same."""


@dataclass(frozen=True, slots=True)
class Passage:
    document_id: UUID
    version_id: UUID
    title: str
    page_from: int
    page_to: int
    start: int
    """Place in the text of `page_from`, in characters."""
    end: int
    text: str


def search(
    *,
    user_id: UUID,
    brain_id: UUID,
    question: str,
    vector: Sequence[float] | None,
    limit: int,
) -> list[Passage]:
    """Passages of the brain's documents, best first; none where nothing fits, or is allowed.

    Args:
        user_id: who asks; a brain that they can't read has no passages.
        brain_id: the brain.
        question: in the user's words.
        vector: the question's embedding by the active generation's model; None: words alone.
        limit: how many at most.
    """
    words = list(dict.fromkeys(lexemes(question)))[:QUESTION_LEXEMES]
    dimensions = len(vector or ())
    with connection.cursor() as cursor:
        cursor.execute(
            SIZE,
            {
                "dimensions": dimensions,
                "brain": brain_id,
                "enough": EXACT_ROWS + 1,
                "sample": SAMPLE_ROWS,
            },
        )
        generation, chunks, mean_length = cursor.fetchone()
    if not chunks:
        return []
    nearest = Nearest(generation, dimensions, chunks <= EXACT_ROWS) if generation else None
    readable, permitted = _readable(user_id, brain_id)
    statement = search_statement(readable=readable, has_words=bool(words), nearest=nearest)
    parameters = {
        **CONSTANTS,
        **permitted,
        **words_parameters(words),
        "chunks": chunks,
        "mean_length": mean_length,
        "vector": _half_precision(vector or ()),
        "limit": limit * _SPARE,
    }
    rows = _rows(statement, parameters, by_index=nearest is not None and not nearest.is_exact)
    return _distinct(rows, limit)


def known_vectors(
    *, brain_id: UUID, model_name: str, embedded_sha256s: Iterable[str]
) -> dict[str, list[float]]:
    """Vectors that the brain has of the same texts by the same model, by the hash of the text.

    They are of the searched generation, so all of one length; no other brain's are looked at.
    """
    found = (
        Embedding.objects.filter(
            brain=brain_id,
            generation__model_name=model_name,
            generation__is_active=True,
            chunk__brain=brain_id,
            chunk__embedded_sha256__in=list(embedded_sha256s),
        )
        .order_by("chunk__embedded_sha256", "pk")
        .distinct("chunk__embedded_sha256")
        .values_list("chunk__embedded_sha256", "vector")
    )
    return {sha256: list(vector) for sha256, vector in found}


def has_chunks(*, version_id: UUID, pages: Sequence[int]) -> bool:
    """Whether search finds passages of any of these pages."""
    return Chunk.objects.filter(version=version_id, page_from__in=pages).exists()


def _readable(user_id: UUID, brain_id: UUID) -> tuple[Composable, dict[str, Any]]:
    """A query for the brain's id if the user may read it, with named parameters."""
    brains = readable_brains(user=User(pk=user_id)).filter(pk=brain_id).values("pk")
    statement, values = brains.query.sql_with_params()
    names = [f"readable_{number}" for number in range(len(values))]
    named = statement % tuple(f"%({name})s" for name in names)
    return SQL(named), dict(zip(names, values, strict=True))


def _half_precision(vector: Sequence[float]) -> str:
    """The vector as PostgreSQL reads it, with the digits that are kept of its numbers."""
    return f"[{','.join([format(number, '.4g') for number in vector])}]"


def _rows(
    statement: Composable, parameters: dict[str, Any], *, by_index: bool
) -> list[tuple[Any, ...]]:
    """The result; where an index gives the nearest vectors, it goes on until enough are allowed."""
    with transaction.atomic() if by_index else nullcontext(), connection.cursor() as cursor:
        if by_index:
            cursor.execute("SET LOCAL hnsw.iterative_scan = 'relaxed_order'")
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _distinct(rows: Iterable[tuple[Any, ...]], limit: int) -> list[Passage]:
    """The first passages that don't repeat a better one."""
    chosen: list[Passage] = []
    for row in rows:
        passage = Passage(*row)
        if len(chosen) < limit and not any(_is_same(passage, better) for better in chosen):
            chosen.append(passage)
    return chosen


def _is_same(passage: Passage, better: Passage) -> bool:
    if passage.text.split() == better.text.split():
        return True
    if (passage.version_id, passage.page_from) != (better.version_id, better.page_from):
        return False
    shared = min(passage.end, better.end) - max(passage.start, better.start)
    shorter = min(passage.end - passage.start, better.end - better.start)
    return shared > shorter * _SAME_SHARE
