"""What administrators do with documents, in whichever brain: membership plays no part here."""

from uuid import UUID

from django.db import transaction

from chatbot.brains.models import Brain
from chatbot.documents.models import Document, DocumentVersion
from chatbot.documents.selectors import no_such_document
from chatbot.documents.services import files
from chatbot.documents.services.lifecycle import (
    cancel,
    lock_latest,
    remove,
    remove_rows,
    reread,
    retry,
)


@transaction.atomic
def retry_version(*, version_id: UUID) -> None:
    """Goes on with an ingestion that failed or was cancelled.

    Raises:
        NotFound: it is gone.
        Conflict: `document-not-stopped`.
    """
    retry(_locked(version_id))


@transaction.atomic
def cancel_version(*, version_id: UUID) -> None:
    """Ends an ingestion; what is indexed stays.

    Raises:
        NotFound: it is gone.
        Conflict: `document-finished`.
    """
    cancel(_locked(version_id))


@transaction.atomic
def reread_version(*, version_id: UUID, engine: str = "") -> None:
    """Reads the file of a version's document again.

    Raises:
        NotFound: it is gone.
        InvalidInput: `ocr-engine-not-set-up`.
        Conflict: `document-unfinished`.
    """
    version = DocumentVersion.objects.select_related("document").filter(pk=version_id).first()
    if version is None:
        raise no_such_document()
    reread(lock_latest(version.document), engine=engine)


@transaction.atomic
def remove_document(*, document_id: UUID) -> None:
    """Deletes a document, all that was made of it, and its files; one that is gone is no error."""
    document = Document.objects.filter(pk=document_id).first()
    if document is not None:
        remove(document)


@transaction.atomic
def remove_documents(brain: Brain) -> None:
    """Deletes all documents of a brain, which is about to go itself."""
    names = [name for document in brain.documents.all() for name in remove_rows(document) or []]
    transaction.on_commit(lambda: files.remove_files(names=names), robust=True)


def _locked(version_id: UUID) -> DocumentVersion:
    version = (
        DocumentVersion.objects.select_for_update(no_key=True, of=("self",))
        .select_related("document")
        .filter(pk=version_id)
        .first()
    )
    if version is None:
        raise no_such_document()
    return version
