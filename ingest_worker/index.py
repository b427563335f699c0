"""The stage `index`: passages of pages, with their embeddings, where search finds them."""

import time
from collections.abc import Iterator, Sequence
from typing import Final

from chatbot.documents.models import Page
from chatbot.documents.services import ingestion
from chatbot.retrieval.services import PageChunk, store_chunks
from ingest_worker.chunkers.registry import chunker_for
from ingest_worker.embed import BATCH_CHUNKS, embed

UNIT_SECONDS: Final = 8.0
"""After this long the rest of the pages goes back into the queue: others want their turn."""

_ChunkedPage = tuple[Page, list[PageChunk]]


def index_pages(lease: ingestion.Lease) -> None:
    """Indexes the claim's pages, a few at a time; each is searchable as soon as it is stored."""
    claim = lease.claim
    began = time.monotonic()
    batches = _batches(ingestion.unindexed_pages(claim), claim.media_type)
    for done, pages in enumerate(batches):
        if done and time.monotonic() - began > UNIT_SECONDS:
            raise ingestion.JobUnfinished
        _index(lease, pages)
    ingestion.finish_index(claim)


def _index(lease: ingestion.Lease, pages: Sequence[_ChunkedPage]) -> None:
    chunks = [chunk for _, chunks in pages for chunk in chunks]
    vectors = embed([chunk.text for chunk in chunks], before_each=lease.check)
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


def _chunks(page: Page, media_type: str) -> list[PageChunk]:
    spans = chunker_for(media_type).split(page.text) if page.text else []
    return [
        PageChunk(page.number, span.start, span.end, page.text[span.start : span.end])
        for span in spans
    ]


def _batches(pages: Sequence[Page], media_type: str) -> Iterator[list[_ChunkedPage]]:
    """Whole pages, together about as many chunks as are embedded at once."""
    batch: list[_ChunkedPage] = []
    for page in pages:
        batch.append((page, _chunks(page, media_type)))
        if sum(len(chunks) for _, chunks in batch) >= BATCH_CHUNKS:
            yield batch
            batch = []
    if batch:
        yield batch
