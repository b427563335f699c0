"""Indexed documents."""

from collections.abc import Sequence

from chatbot.brains.models import Brain
from chatbot.documents.models import Document, VersionState
from chatbot.retrieval.services import PageChunk, store_chunks
from tests.factories.documents import make_document, version_of

MODEL = "a-model"
EAST, NORTH, UP = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]
"""Vectors with nothing in common."""


def index_document(
    brain: Brain,
    *passages: str,
    vectors: Sequence[Sequence[float]] = (),
    model_name: str = MODEL,
    title: str = "",
) -> Document:
    """A ready document with a page for each passage; its vectors are `UP` if none are given."""
    document = make_document(brain, title=title, state=VersionState.READY, pages=passages)
    store_chunks(
        version_id=version_of(document).pk,
        brain_id=brain.pk,
        chunks=[PageChunk(page, 0, len(text), text) for page, text in enumerate(passages, start=1)],
        vectors=vectors or [UP] * len(passages),
        model_name=model_name,
    )
    return document
