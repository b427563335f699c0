"""The stage `index`: passages of pages, with their embeddings, where search finds them."""

import time
from collections.abc import Iterator, Sequence
from typing import Final

from chatbot.documents.models import Page
from chatbot.documents.services import ingestion
from chatbot.inference.selectors import default_embedding_model
from chatbot.retrieval.selectors import known_vectors
from chatbot.retrieval.services import PageChunk, store_chunks
from ingest_worker.chunkers.blocks import heading_lines
from ingest_worker.chunkers.protocol import Span
from ingest_worker.chunkers.registry import chunker_for
from ingest_worker.embed import Vectors, embed

UNIT_SECONDS: Final = 2.0
"""After this long the rest of the pages goes back into the queue: others want their turn."""
STORED_CHUNKS: Final = 32
"""About as many are stored at once: what was embedded before is kept whatever happens."""

_ChunkedPage = tuple[Page, list[PageChunk]]


def index_pages(lease: ingestion.Lease) -> None:
    """Indexes the claim's pages, a few at a time; each is searchable as soon as it is stored."""
    claim = lease.claim
    began = time.monotonic()
    batches = _batches(claim, ingestion.unindexed_pages(claim))
    for done, pages in enumerate(batches):
        if done and time.monotonic() - began > UNIT_SECONDS:
            raise ingestion.JobUnfinished
        _index(lease, pages)
    ingestion.finish_index(claim)


def _index(lease: ingestion.Lease, pages: Sequence[_ChunkedPage]) -> None:
    chunks = [chunk for _, chunks in pages for chunk in chunks]
    vectors = _vectors(lease, chunks)
    lease.check()
    with ingestion.fenced(lease.claim) as held:
        store_chunks(
            version=held.version,
            pages=[page.number for page, _ in pages],
            chunks=chunks,
            vectors=vectors.vectors,
            model_name=vectors.model,
        )
        ingestion.record_indexed(held, numbers=[page.number for page, _ in pages])


def _vectors(lease: ingestion.Lease, chunks: Sequence[PageChunk]) -> Vectors:
    """A vector for each chunk; a text that the brain has a vector of is not embedded again."""
    texts = {chunk.embedded_sha256: chunk.embedded for chunk in chunks}
    model = default_embedding_model()
    known = (
        known_vectors(brain_id=lease.claim.brain_id, model_name=model.name, embedded_sha256s=texts)
        if model and texts
        else {}
    )
    new = [sha256 for sha256 in texts if sha256 not in known]
    made = embed([texts[sha256] for sha256 in new], before_each=lease.check)
    if known and not _are_alike(made, known, model.name if model else ""):
        # The server has another model under the same name now.
        new = list(texts)
        made = embed(list(texts.values()), before_each=lease.check)
    known |= dict(zip(new, made.vectors, strict=True))
    return Vectors(made.model, [known[chunk.embedded_sha256] for chunk in chunks])


def _are_alike(made: Vectors, known: dict[str, list[float]], model_name: str) -> bool:
    lengths = {len(vector) for vector in (*made.vectors, *known.values())}
    return made.model == model_name and len(lengths) == 1


def _batches(claim: ingestion.Claim, pages: Sequence[Page]) -> Iterator[list[_ChunkedPage]]:
    """Whole pages, together about as many chunks as are stored at once."""
    batch: list[_ChunkedPage] = []
    for page, chunks in _chunked(claim, pages):
        batch.append((page, chunks))
        if sum(len(chunks) for _, chunks in batch) >= STORED_CHUNKS:
            yield batch
            batch = []
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
        before = [*before, *heading_lines(page.text)]
        number = page.number + 1


def _chunk(page: Page, span: Span) -> PageChunk:
    text = page.text[span.start : span.end]
    return PageChunk(page.number, span.start, span.end, text, span.headings, span.table_head)
