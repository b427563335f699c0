"""What browsers that watch a brain are told."""

from chatbot import jobs
from chatbot.contracts.events import DocumentChanged, DocumentProgress
from chatbot.documents.models import Document, DocumentVersion


def announce(version: DocumentVersion) -> None:
    """After the commit, tells how far the document is. Its `document` should be loaded."""
    document = version.document
    if document.next_version_id == version.pk:
        change = _change(document, document.current_version)
        change["next"] = _progress(version)
    else:
        change = _change(document, version)
    jobs.announce_document(change)


def announce_deletion(document: Document, version: DocumentVersion | None) -> None:
    """After the commit, tells that the document is gone."""
    jobs.announce_document({**_change(document, version), "deleted": True})


def _change(document: Document, version: DocumentVersion | None) -> DocumentChanged:
    return {
        "type": "document.changed",
        "brain": str(document.brain_id),
        "document": str(document.pk),
        "title": document.title,
        **(_progress(version) if version else _NOTHING),
        "next": None,
        "deleted": False,
    }


def _progress(version: DocumentVersion) -> DocumentProgress:
    return {
        "state": version.state,
        "pages_total": version.pages_total,
        "pages_done": version.pages_done,
        "error": {"code": version.error_code, "sentence": version.error_sentence}
        if version.error_code
        else None,
    }


_NOTHING: DocumentProgress = {"state": "", "pages_total": None, "pages_done": 0, "error": None}
