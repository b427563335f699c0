"""What people and processes do with documents."""

from chatbot.documents.services.bulk import retry_failed_documents
from chatbot.documents.services.fetching import fetch_document
from chatbot.documents.services.lifecycle import (
    cancel_document,
    delete_document,
    reread_document,
    retry_document,
)
from chatbot.documents.services.limits import require_room
from chatbot.documents.services.uploads import Also, UploadResult, upload_document

__all__ = [
    "Also",
    "UploadResult",
    "cancel_document",
    "delete_document",
    "fetch_document",
    "require_room",
    "reread_document",
    "retry_document",
    "retry_failed_documents",
    "upload_document",
]
