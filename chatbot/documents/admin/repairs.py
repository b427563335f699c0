"""What the buttons do, and what they say then."""

from uuid import UUID

from chatbot.documents.models import (
    Document,
    DocumentVersion,
)
from chatbot.documents.services.repairs import (
    cancel_version,
    reread_version,
    retry_version,
)


def retry(version_id: UUID | None) -> str:
    if version_id is not None:
        retry_version(version_id=version_id)
    return "queued again."


def cancel(version_id: UUID | None) -> str:
    if version_id is not None:
        cancel_version(version_id=version_id)
    return "cancelled; what is indexed stays."


def reread(version_id: UUID | None) -> str:
    if version_id is not None:
        reread_version(version_id=version_id)
    return "read again; what is there stays until that has ended well."


def latest(document: Document) -> UUID | None:
    return document.next_version_id or document.current_version_id


def progress(version: DocumentVersion | None) -> str:
    if version is None or version.pages_total is None:
        return "-"
    return f"{version.pages_done} / {version.pages_total}"
