"""What browsers that watch a brain are told, and its webhooks."""

from chatbot import jobs
from chatbot.contracts.events import DocumentChanged, DocumentProgress
from chatbot.documents.models import Document, DocumentVersion, VersionState
from chatbot.webhooks.models import WebhookEvent
from chatbot.webhooks.services.recording import record_event

_EVENTS = {
    VersionState.READY: WebhookEvent.DOCUMENT_READY,
    VersionState.FAILED: WebhookEvent.DOCUMENT_FAILED,
    VersionState.CANCELLED: WebhookEvent.DOCUMENT_CANCELLED,
}


def announce(version: DocumentVersion) -> None:
    """After the commit, tells how far the document is. Its `document` should be loaded."""
    document = version.document
    # A reading that was dropped is neither: the document stays as it is.
    is_current = document.current_version_id == version.pk
    change = _change(document, version if is_current else document.current_version)
    if document.next_version_id == version.pk:
        change["next"] = _progress(version)
    jobs.announce_document(change)


def announce_end(version: DocumentVersion) -> None:
    """As `announce`, for a version that has just ended: the brain's webhooks are told, too."""
    announce(version)
    _record(_EVENTS[VersionState(version.state)], version.document, version)


def announce_deletion(document: Document, version: DocumentVersion | None) -> None:
    """After the commit, tells that the document is gone; the brain's webhooks, too."""
    jobs.announce_document({**_change(document, version), "deleted": True})
    _record(WebhookEvent.DOCUMENT_DELETED, document, version)


def _record(event: WebhookEvent, document: Document, version: DocumentVersion | None) -> None:
    """Within the caller's transaction."""
    data = {
        "brain": str(document.brain_id),
        "document": str(document.pk),
        "version": str(version.pk) if version else None,
        "title": document.title,
        **(_progress(version) if version else _NOTHING),
    }
    record_event(brain_id=document.brain_id, event=event, data=data)


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
