"""Which chunker cuts which type of document."""

from functools import cache

from ingest_worker.chunkers.protocol import Chunker
from ingest_worker.chunkers.structured import StructuredChunker


@cache
def _structured() -> Chunker:
    return StructuredChunker()


def chunker_for(media_type: str) -> Chunker:  # noqa: ARG001 - one chunker reads all types so far
    """The chunker of a media type."""
    return _structured()
