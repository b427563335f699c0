"""The stage `index`: passages of pages, with their embeddings, where search finds them."""

import time
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from django.db import transaction

from chatbot.contracts.errors import DOCUMENT_FAULTS, DocumentFault, Unavailable
from chatbot.documents.models import Page
from chatbot.documents.services import ingestion
from chatbot.retrieval.selectors import has_chunks, known_vectors
from chatbot.retrieval.services import PageChunk, remove_chunks, store_chunks
from ingest_worker.chunkers.protocol import Span
from ingest_worker.chunkers.registry import chunker_for
from ingest_worker.embed import Embedder, Vector
from ingest_worker.fitting import fitted, halved

UNIT_SECONDS: Final = 2.0
"""After this long the rest of the pages goes back into the queue: others want their turn."""
STORED_CHUNKS: Final = 32
"""About as many are embedded and stored at once: each such step is bounded in time."""
QUICK_SECONDS: Final = 0.5
QUICK_CHUNKS: Final = 128
"""The same, where the first ones took no longer than `QUICK_SECONDS`."""

_ChunkedPage = tuple[Page, list[PageChunk]]


def index_pages(lease: ingestion.Lease) -> None:
    """Indexes the claim's pages, a few at a time; each is searchable as soon as it is stored."""
    claim = lease.claim
    began = time.monotonic()
    batches = _batches(claim, ingestion.unindexed_pages(claim), began=began)
    embedder: Embedder | None = None
    for done, pages in enumerate(batches):
        if done and time.monotonic() - began > UNIT_SECONDS:
            raise ingestion.JobUnfinished
        if embedder is None and any(chunks for _, chunks in pages):
            embedder = Embedder(check=lease.check)
        _index(lease, pages, embedder)
    ingestion.finish_index(claim)


def _index(
    lease: ingestion.Lease, pages: Sequence[_ChunkedPage], embedder: Embedder | None
) -> None:
    """Embeds and stores pages; those that got all their vectors are stored whatever follows.

    Blank ones need no `embedder`.
    """
    numbers = [page.number for page, _ in pages]
    chunks = [chunk for _, chunks in pages for chunk in chunks]
    if embedder is None or not chunks:
        _store(lease, numbers, [], {}, model="")
        return
    chunks = fitted(chunks, max_tokens=embedder.max_tokens, count=embedder.counted)
    vectors = known_vectors(
        brain_id=lease.claim.brain_id,
        model_name=embedder.model,
        embedded_sha256s=[chunk.embedded_sha256 for chunk in chunks],
    )
    try:
        chunks = _embedded(embedder, chunks, vectors)
    except (Unavailable, DocumentFault):
        waiting = {chunk.page for chunk in chunks if chunk.embedded_sha256 not in vectors}
        whole = [number for number in numbers if number not in waiting]
        if whole and _are_alike(vectors):
            _store(lease, whole, chunks, vectors, model=embedder.model)
        raise
    _store(lease, numbers, chunks, vectors, model=embedder.model)


def _embedded(
    embedder: Embedder, chunks: Sequence[PageChunk], vectors: dict[str, Vector]
) -> list[PageChunk]:
    """Adds the vectors that are missing, by hash. Returns the passages: more, where some were cut.

    Raises:
        DocumentFault: a server refuses a passage, however short.
        Unavailable: no server answers, or two of a model aren't alike.
    """
    texts = {chunk.embedded_sha256: chunk.embedded for chunk in chunks}
    too_long = embedder.embed(_without(texts, vectors), vectors)
    if not _are_alike(vectors):
        # The server has another model under the same name now.
        vectors.clear()
        too_long = embedder.embed(texts, vectors)
    while too_long:
        chunks = _cut(chunks, too_long)
        texts = {chunk.embedded_sha256: chunk.embedded for chunk in chunks}
        too_long = embedder.embed(_without(texts, vectors), vectors)
    if not _are_alike(vectors):
        raise Unavailable(
            "The embedding servers of one model give vectors of different lengths.",
            code="embedding-mixed",
            way_out="Give each model endpoints that serve this model alone.",
        )
    return list(chunks)


def _cut(chunks: Sequence[PageChunk], too_long: Collection[str]) -> list[PageChunk]:
    """The passages, with those that a server refused for their length as two."""
    cut: list[PageChunk] = []
    for chunk in chunks:
        parts = halved(chunk) if chunk.embedded_sha256 in too_long else [chunk]
        if parts == [chunk] and chunk.embedded_sha256 in too_long:
            code = "embedding-refused"
            raise DocumentFault(DOCUMENT_FAULTS[code], code=code)
        cut += parts
    return cut


def _without(texts: dict[str, str], vectors: dict[str, Vector]) -> dict[str, str]:
    return {sha256: text for sha256, text in texts.items() if sha256 not in vectors}


def _are_alike(vectors: dict[str, Vector]) -> bool:
    return len({len(vector) for vector in vectors.values()}) <= 1


def _store(
    lease: ingestion.Lease,
    numbers: Sequence[int],
    chunks: Sequence[PageChunk],
    vectors: dict[str, Vector],
    *,
    model: str,
) -> None:
    """Makes these pages searchable; passages of others are left out.

    The passages are written before the document's rows are locked: it takes the longest, and other
    jobs of the document store theirs meanwhile. They count only if the lease is still ours then.
    """
    stored = [chunk for chunk in chunks if chunk.page in set(numbers)]
    for chunk in stored:
        chunk.prepare()
    claim = lease.claim
    lease.check()
    if has_chunks(version_id=claim.version_id, pages=numbers):
        # Of an attempt before a repair. Removed in a transaction of its own: who deletes a document
        # has its lock, and would wait for these rows while we wait for the lock.
        with ingestion.fenced(claim):
            remove_chunks(version_id=claim.version_id, pages=numbers)
    with transaction.atomic():
        store_chunks(
            version_id=claim.version_id,
            brain_id=claim.brain_id,
            chunks=stored,
            vectors=[vectors[chunk.embedded_sha256] for chunk in stored],
            model_name=model,
        )
        with ingestion.fenced(claim) as held:
            ingestion.record_indexed(held, numbers=numbers)


def _batches(
    claim: ingestion.Claim, pages: Sequence[Page], *, began: float
) -> Iterator[list[_ChunkedPage]]:
    """Whole pages, together about as many chunks as are stored at once.

    `began`: on the monotonic clock; when each batch is asked for, those before it are stored.
    """
    batch: list[_ChunkedPage] = []
    most = STORED_CHUNKS
    for page, chunks in _chunked(claim, pages):
        batch.append((page, chunks))
        if sum(len(chunks) for _, chunks in batch) >= most:
            yield batch
            batch = []
            if time.monotonic() - began < QUICK_SECONDS:
                most = QUICK_CHUNKS
    if batch:
        yield batch


def _chunked(claim: ingestion.Claim, pages: Sequence[Page]) -> Iterator[_ChunkedPage]:
    """Each page with its chunks, under the headings of the pages before it."""
    chunker = chunker_for(claim.media_type)
    before = ingestion.headings_before(claim, pages[0].number) if pages else []
    number = pages[0].number if pages else 0
    for page in pages:
        if page.number != number:
            # Pages between have been indexed already.
            before = ingestion.headings_before(claim, page.number)
        yield page, [_chunk(page, span) for span in chunker.split(page.text, before)]
        before = [*before, *ingestion.heading_lines(page.text)][-ingestion.HEADING_LINES :]
        number = page.number + 1


def _chunk(page: Page, span: Span) -> PageChunk:
    text = page.text[span.start : span.end]
    return PageChunk(page.number, span.start, span.end, text, span.headings, span.table_head)
