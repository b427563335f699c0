"""What browsers that watch a brain are told."""

from chatbot import jobs
from chatbot.contracts.events import DocumentChanged
from chatbot.documents.models import Document, DocumentVersion


def announce(version: DocumentVersion) -> None:
    """After the commit, tells how far the document is. Its `document` should be loaded."""
    jobs.announce_document(_change(version.document, version))


def announce_deletion(document: Document, version: DocumentVersion | None) -> None:
    """After the commit, tells that the document is gone."""
    jobs.announce_document({**_change(document, version), "deleted": True})


def _change(document: Document, version: DocumentVersion | None) -> DocumentChanged:
    failed = version is not None and version.error_code
    return {
        "type": "document.changed",
        "brain": str(document.brain_id),
        "document": str(document.pk),
        "title": document.title,
        "state": version.state if version else "",
        "pages_total": version.pages_total if version else None,
        "pages_done": version.pages_done if version else 0,
        "error": {"code": version.error_code, "sentence": version.error_sentence}
        if version and failed
        else None,
        "deleted": False,
    }
