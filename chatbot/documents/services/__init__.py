"""What people and processes do with documents."""

from chatbot.documents.services.fetching import fetch_document
from chatbot.documents.services.lifecycle import (
    cancel_document,
    delete_document,
    reread_document,
    retry_document,
)
from chatbot.documents.services.uploads import UploadResult, upload_document

__all__ = [
    "UploadResult",
    "cancel_document",
    "delete_document",
    "fetch_document",
    "reread_document",
    "retry_document",
    "upload_document",
]
