"""The two rankings of a brain's chunks, and their fusion, as one SQL statement.

Lexical: BM25 (Robertson and Zaragoza, 2009) over the brain's own chunks. PostgreSQL finds the
candidates by its GIN index; how often a lexeme occurs in a chunk is read from the weight that
`services` gave it. Vector: cosine similarity, exact in small brains, by the HNSW index in large
ones. Fused by reciprocal rank (Cormack, Clarke and Büttcher, 2009) with a constant and a weight
that were measured: `bench/retrieval.py`.
"""

from dataclasses import dataclass
from typing import Final

from psycopg.sql import SQL, Composable, Literal

EXACT_ROWS: Final = 20_000
"""Up to here comparing all vectors takes some milliseconds and misses nothing."""

CONSTANTS: Final = {
    # Taken from each ranking.
    "candidates": 50,
    # Of the question's information: a passage with less shares common words by chance. Information
    # is idf in a brain that has as many more chunks without any of the words: a small brain's own
    # idf would make the words that it lacks too important.
    "coverage_floor": 0.3,
    "background": 1000,
    # Cosine: below it sentence models relate anything to anything.
    "similarity_floor": 0.35,
    # Of reciprocal rank fusion. With 10 instead of the usual 60 the first places count for more,
    # which costs nothing where both rankings are good, and helps where one is weak.
    "fusion": 10,
    "meaning_weight": 0.7,
    # Of BM25.
    "k1": 1.2,
    "b": 0.75,
    # ts_rank of one lexeme with one position is its weight times 6/pi^2. With these weights, and
    # times the last number, it is the lexeme's count: 1, 2, 3 to 4, 5 and more.
    "count_weights": "{0.1, 0.2, 0.34, 0.6}",
    "count_of_rank": 16.4493406685,
}
"""Parameters of the statement that never change."""

SIZE: Final = SQL("""
    SELECT
        (SELECT id FROM retrieval_indexgeneration WHERE is_active AND dimensions = %(dimensions)s),
        (SELECT count(*) FROM (
            SELECT FROM retrieval_chunk WHERE brain_id = %(brain)s LIMIT %(enough)s
        ) counted),
        (SELECT greatest(avg(lexeme_count), 1)::float FROM (
            SELECT lexeme_count FROM retrieval_chunk WHERE brain_id = %(brain)s LIMIT %(sample)s
        ) sampled)
""")
"""The active generation of vectors of a size; the number of a brain's chunks, up to `enough`, and
the mean length of some of them."""
SAMPLE_ROWS: Final = 1000

_BY_WORDS: Final = SQL("""
    match AS MATERIALIZED (
        SELECT chunk.id, chunk.lexeme_count, word.number,
            ts_rank(%(count_weights)s, chunk.lexemes, word.query) * %(count_of_rank)s AS count
        FROM retrieval_chunk chunk
        JOIN documents_document document ON document.current_version_id = chunk.version_id
        CROSS JOIN unnest(%(words)s::tsquery[]) WITH ORDINALITY AS word (query, number)
        WHERE chunk.brain_id IN (SELECT id FROM readable)
            AND chunk.lexemes @@ %(any_word)s::tsquery
            AND chunk.lexemes @@ word.query
    ),
    word AS (
        SELECT number,
            ln(1 + (%(chunks)s - count(id) + 0.5) / (count(id) + 0.5)) AS idf,
            ln(1 + (%(background)s + %(chunks)s - count(id)) / (count(id) + 0.5)) AS information
        FROM generate_series(1, cardinality(%(words)s::tsquery[])) AS number
        LEFT JOIN match USING (number)
        GROUP BY number
    ),
    scored AS (
        SELECT id, sum(information) / (SELECT sum(information) FROM word) AS coverage,
            sum(idf * count * (%(k1)s + 1) / (
                count + %(k1)s * (1 - %(b)s + %(b)s * lexeme_count / %(mean_length)s)
            )) AS score
        FROM match JOIN word USING (number)
        GROUP BY id
    ),
    by_words AS (
        SELECT id, row_number() OVER (ORDER BY score DESC, id) AS place
        FROM scored
        WHERE coverage >= %(coverage_floor)s
        ORDER BY place
        LIMIT %(candidates)s
    )""")

_BY_MEANING: Final = SQL("""
    nearest AS MATERIALIZED (
        SELECT chunk_id AS id, {vector} <=> %(vector)s::{kind} AS distance
        FROM retrieval_embedding
        WHERE generation_id = {generation} AND brain_id IN (SELECT id FROM readable)
        ORDER BY distance
        LIMIT %(candidates)s
    ),
    by_meaning AS (
        SELECT id, row_number() OVER (ORDER BY distance, id) AS place
        FROM nearest
        WHERE distance <= 1 - %(similarity_floor)s
    )""")

_NO_WORDS: Final = SQL("by_words AS (SELECT NULL::uuid AS id, 0 AS place WHERE false)")
_NO_VECTOR: Final = SQL("by_meaning AS (SELECT NULL::uuid AS id, 0 AS place WHERE false)")

_SEARCH: Final = SQL("""
    WITH readable (id) AS MATERIALIZED ({readable}), {by_words}, {by_meaning}
    SELECT document.id, chunk.version_id, document.title, chunk.page_from, chunk.page_to,
        chunk.start, chunk."end", chunk.text
    FROM (
        SELECT id, coalesce(1.0 / (%(fusion)s + by_words.place), 0)
            + coalesce(%(meaning_weight)s / (%(fusion)s + by_meaning.place), 0) AS score
        FROM by_words FULL JOIN by_meaning USING (id)
    ) fused
    JOIN retrieval_chunk chunk USING (id)
    JOIN documents_document document ON document.current_version_id = chunk.version_id
    ORDER BY fused.score DESC, chunk.page_from, chunk.ordinal, chunk.id
    LIMIT %(limit)s
""")


@dataclass(frozen=True, slots=True)
class Nearest:
    """Where to look for similar vectors."""

    generation: int
    dimensions: int
    is_exact: bool


def search_statement(
    *, readable: Composable, has_words: bool, nearest: Nearest | None
) -> Composable:
    """The statement that gives the fields of passages, best first.

    Its parameters are `CONSTANTS`, `words`, `any_word`, `chunks`, `mean_length`, `vector`, `limit`
    and those of `readable`, a query for the brain's id if it may be read.
    """
    return _SEARCH.format(
        readable=readable,
        by_words=_BY_WORDS if has_words else _NO_WORDS,
        by_meaning=_by_meaning(nearest) if nearest else _NO_VECTOR,
    )


def _by_meaning(nearest: Nearest) -> Composable:
    """An expression with the generation's size meets its index; without one, all is compared."""
    kind = SQL("halfvec({})").format(Literal(nearest.dimensions))
    vector = SQL("vector") if nearest.is_exact else SQL("(vector::{})").format(kind)
    return _BY_MEANING.format(vector=vector, kind=kind, generation=Literal(nearest.generation))


def words_parameters(words: list[str]) -> dict[str, object]:
    """`words` and `any_word`; nothing in a lexeme would need an escape."""
    quoted = [f"'{word}'" for word in words]
    return {"words": quoted, "any_word": " | ".join(quoted)}
