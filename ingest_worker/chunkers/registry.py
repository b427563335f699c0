"""Which chunker cuts which type of document."""

from functools import cache

from ingest_worker.chunkers.protocol import Chunker
from ingest_worker.chunkers.recursive import RecursiveChunker


@cache
def _recursive() -> Chunker:
    return RecursiveChunker()


def chunker_for(media_type: str) -> Chunker:  # noqa: ARG001 - one chunker reads all types so far
    """The chunker of a media type."""
    return _recursive()
