"""What people and processes do with documents."""

from chatbot.documents.services.bulk import retry_failed_documents
from chatbot.documents.services.fetching import Address, fetch_document, plan_fetches
from chatbot.documents.services.lifecycle import (
    cancel_document,
    delete_document,
    reread_document,
    retry_document,
)
from chatbot.documents.services.limits import no_room_for_fetches, require_room, room_for_fetches
from chatbot.documents.services.uploads import Also, UploadResult, upload_document

__all__ = [
    "Address",
    "Also",
    "UploadResult",
    "cancel_document",
    "delete_document",
    "fetch_document",
    "no_room_for_fetches",
    "plan_fetches",
    "require_room",
    "reread_document",
    "retry_document",
    "retry_failed_documents",
    "room_for_fetches",
    "upload_document",
]
