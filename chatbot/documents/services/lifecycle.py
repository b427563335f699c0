"""What an editor does with a document that is there: try again, give up, delete."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from chatbot import jobs
from chatbot.brains.models import BrainRole
from chatbot.contracts.errors import Conflict
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import (
    TERMINAL_STATES,
    Document,
    DocumentVersion,
    IngestionJob,
    JobState,
    VersionState,
)
from chatbot.documents.selectors import get_document, no_such_document
from chatbot.documents.services import files
from chatbot.documents.services.news import announce, announce_deletion

if TYPE_CHECKING:
    from chatbot.accounts.models import User

_STOPPED = (JobState.FAILED, JobState.CANCELLED)
_OPEN = (JobState.QUEUED, JobState.RUNNING)


@transaction.atomic
def retry_document(*, user: "User", document_id: UUID) -> Document:
    """Goes on with a document that failed or was cancelled, from where it was.

    Pages that were read and indexed stay. A document without any text is read again from the
    beginning.

    Raises:
        NotFound, NotAllowed: as `get_document` for an editor.
        Conflict: `document-not-stopped`.
    """
    document, version = _locked(user=user, document_id=document_id)
    retry(version)
    return document


def retry(version: DocumentVersion) -> None:
    """As `retry_document`, whoever asks for it. The caller holds the version's row."""
    if version.state not in (VersionState.FAILED, VersionState.CANCELLED):
        raise Conflict(
            "The document has neither failed nor been cancelled.",
            code="document-not-stopped",
            way_out="Wait until its ingestion has ended.",
        )
    revive(version)


def revive(version: DocumentVersion) -> None:
    """Queues again what had stopped. The caller holds the version's row."""
    jobs_stopped = version.jobs.filter(state__in=_STOPPED)
    if not jobs_stopped.exists():
        version.jobs.all().delete()
        version.pages.all().delete()
        version.pages_total = None
        version.pages_done = 0
        IngestionJob.objects.create(version=version, stage=Stage.OPEN)
    jobs_stopped.update(
        state=JobState.QUEUED,
        run_after=Now(),
        hinted_at=None,
        faults=0,
        deaths=0,
        waits=0,
        error_code="",
        error_detail="",
        finished_at=None,
    )
    version.state = VersionState.RECEIVED if version.pages_total is None else VersionState.READING
    version.error_code = version.error_sentence = ""
    version.finished_at = None
    version.save()
    announce(version)
    jobs.wake_scheduler()


@transaction.atomic
def cancel_document(*, user: "User", document_id: UUID) -> Document:
    """Ends an ingestion; the pages that are indexed stay searchable.

    Raises:
        NotFound, NotAllowed: as `get_document` for an editor.
        Conflict: `document-finished`.
    """
    document, version = _locked(user=user, document_id=document_id)
    cancel(version)
    return document


def cancel(version: DocumentVersion) -> None:
    """As `cancel_document`, whoever asks for it. The caller holds the version's row."""
    if version.state in TERMINAL_STATES:
        raise Conflict(
            "The ingestion of the document has ended already.",
            code="document-finished",
            way_out="Delete the document if it isn't wanted.",
        )
    version.jobs.filter(state__in=_OPEN).update(
        state=JobState.CANCELLED, lease_token=None, leased_until=None, finished_at=Now()
    )
    version.state = VersionState.CANCELLED
    version.finished_at = timezone.now()
    version.save()
    announce(version)


@transaction.atomic
def delete_document(*, user: "User", document_id: UUID) -> None:
    """Deletes a document, all that was made of it, and its files.

    Work that is going on finds its rows gone, and stops.

    Raises:
        NotFound, NotAllowed: as `get_document` for an editor.
    """
    remove(get_document(user=user, document_id=document_id, role=BrainRole.EDITOR))


def remove(document: Document) -> None:
    """As `delete_document`, whoever asks for it; in the caller's transaction."""
    current = document.current_version
    # Locked before the cascade looks for rows: a worker's write is seen by it, or finds nothing.
    versions = list(DocumentVersion.objects.select_for_update().filter(document=document))
    list(IngestionJob.objects.select_for_update().filter(version__in=versions).only("pk"))
    Document.objects.filter(pk=document.pk).delete()
    announce_deletion(document, current)
    names = [version.storage_name for version in versions]
    transaction.on_commit(lambda: files.remove_files(names=names), robust=True)


def _locked(*, user: "User", document_id: UUID) -> tuple[Document, DocumentVersion]:
    document = get_document(user=user, document_id=document_id, role=BrainRole.EDITOR)
    # Whoever deletes the document holds this row, or has taken it away meanwhile.
    version = (
        document.versions.select_for_update(no_key=True, of=("self",))
        .filter(document__current_version=F("pk"))
        .first()
    )
    if version is None:
        raise no_such_document()
    document.current_version = version
    version.document = document
    return document, version
