"""Documents, how far their ingestion is, and who does it, with buttons that repair it."""

from chatbot.documents.admin.documents import DocumentAdmin, DocumentVersionAdmin
from chatbot.documents.admin.jobs import IngestionJobAdmin
from chatbot.documents.admin.workers import WorkerAdmin

__all__ = ["DocumentAdmin", "DocumentVersionAdmin", "IngestionJobAdmin", "WorkerAdmin"]
