"""What an editor does with a document that is there: try again, read anew, give up, delete."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.db.models import Max
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
    Page,
    VersionState,
)
from chatbot.documents.selectors import get_document, no_such_document
from chatbot.documents.services import files
from chatbot.documents.services.engines import require_engine
from chatbot.documents.services.ingestion.attempts import cancel_attempts
from chatbot.documents.services.ingestion.progress import first_stage
from chatbot.documents.services.news import announce, announce_deletion, announce_end

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
    revive_all([version])


def revive_all(versions: Sequence[DocumentVersion]) -> None:
    """As `revive`, in as many statements as for one."""
    stopped = IngestionJob.objects.filter(version__in=versions, state__in=_STOPPED)
    with_stopped = set(stopped.order_by().values_list("version", flat=True))
    anew = [version for version in versions if version.pk not in with_stopped]
    if anew:
        _begin_anew(anew)
    stopped.update(
        state=JobState.QUEUED,
        run_after=Now(),
        hinted_at=None,
        faults=0,
        deaths=0,
        crashes=0,
        waits=0,
        error_code="",
        error_detail="",
        finished_at=None,
    )
    for version in versions:
        is_planned = version.pages_total is not None
        version.state = VersionState.READING if is_planned else VersionState.RECEIVED
        version.error_code = version.error_sentence = ""
        version.finished_at = None
    for state in (VersionState.READING, VersionState.RECEIVED):
        revived = [version.pk for version in versions if version.state == state]
        DocumentVersion.objects.filter(pk__in=revived).update(
            state=state, error_code="", error_sentence="", finished_at=None
        )
    for version in versions:
        announce(version)
    jobs.wake_scheduler()


def _begin_anew(versions: Sequence[DocumentVersion]) -> None:
    IngestionJob.objects.filter(version__in=versions).delete()
    Page.objects.filter(version__in=versions).delete()
    ids = [version.pk for version in versions]
    DocumentVersion.objects.filter(pk__in=ids).update(pages_total=None, pages_done=0)
    for version in versions:
        version.pages_total = None
        version.pages_done = 0
    IngestionJob.objects.bulk_create(
        [IngestionJob(version=version, stage=first_stage(version)) for version in versions]
    )


@transaction.atomic
def reread_document(*, user: "User", document_id: UUID, engine: str = "") -> Document:
    """Reads a document's file again; what is there now is searched until that has ended well.

    Args:
        user: an editor.
        document_id: the document.
        engine: which OCR engine is to read it, of those that are set up; empty: the usual one.

    Raises:
        NotFound, NotAllowed: as `get_document` for an editor.
        InvalidInput: `ocr-engine-not-set-up`.
        Conflict: `document-unfinished`, `file-not-there`.
    """
    document, version = _locked(user=user, document_id=document_id)
    reread(version, engine=engine)
    return document


def reread(version: DocumentVersion, *, engine: str) -> None:
    """As `reread_document`, whoever asks for it. The caller holds the document's versions."""
    require_engine(engine)
    document = version.document
    if version.state in TERMINAL_STATES and not version.storage_name:
        raise Conflict(
            "The file of the document was never fetched.",
            code="file-not-there",
            way_out="Have the document tried again.",
        )
    if version.state not in TERMINAL_STATES:
        raise Conflict(
            "The document is still being read.",
            code="document-unfinished",
            way_out="Wait until its ingestion has ended, or cancel it.",
        )
    last = document.versions.aggregate(last=Max("number"))["last"] or 0
    again = DocumentVersion.objects.create(
        document=document,
        number=last + 1,
        storage_name=version.storage_name,
        size_bytes=version.size_bytes,
        media_type=version.media_type,
        engine=engine,
    )
    IngestionJob.objects.create(version=again, stage=Stage.OPEN)
    document.next_version = again
    document.save(update_fields=["next_version"])
    announce(again)
    jobs.wake_scheduler()


@transaction.atomic
def cancel_document(*, user: "User", document_id: UUID) -> Document:
    """Ends an ingestion; the pages that are indexed stay searchable.

    Of a document that is being read again, or could not be, that reading is dropped.

    Raises:
        NotFound, NotAllowed: as `get_document` for an editor.
        Conflict: `document-finished`.
    """
    document, version = _locked(user=user, document_id=document_id)
    cancel(version)
    return document


def cancel(version: DocumentVersion) -> None:
    """As `cancel_document`, whoever asks for it. The caller holds the version's row."""
    document = version.document
    was_ended = version.state in TERMINAL_STATES
    if document.next_version_id == version.pk:
        document.next_version = None
        document.save(update_fields=["next_version"])
    elif was_ended:
        raise Conflict(
            "The ingestion of the document has ended already.",
            code="document-finished",
            way_out="Delete the document if it isn't wanted.",
        )
    cancel_attempts(version)
    version.jobs.filter(state__in=_OPEN).update(
        state=JobState.CANCELLED, lease_token=None, leased_until=None, finished_at=Now()
    )
    version.state = VersionState.CANCELLED
    version.finished_at = timezone.now()
    version.save()
    # A reading that had failed was told of then: that it is dropped now is no news.
    (announce if was_ended else announce_end)(version)


@transaction.atomic
def delete_document(*, user: "User", document_id: UUID) -> None:
    """Deletes a document, all that was made of it, and its files.

    Work that is going on finds its rows gone, and stops.

    Raises:
        NotFound, NotAllowed: as `get_document` for an editor.
    """
    document = get_document(user=user, document_id=document_id, role=BrainRole.EDITOR)
    if not remove(document):
        raise no_such_document()


def remove(document: Document) -> bool:
    """As `delete_document`, whoever asks for it; in the caller's transaction.

    False: somebody else has deleted it meanwhile, and told so.
    """
    names = remove_rows(document)
    transaction.on_commit(lambda: files.remove_files(names=names or []), robust=True)
    return names is not None


def remove_rows(document: Document) -> list[str] | None:
    """As `remove`, without the files, which it names; None: somebody else has deleted it."""
    # Locked before the cascade looks for rows: a worker's write is seen by it, or finds nothing.
    versions = _hold_versions(document, no_key=False)
    list(IngestionJob.objects.select_for_update().filter(version__in=versions).only("pk"))
    locked = Document.objects.select_for_update(of=("self",)).select_related("current_version")
    found = locked.filter(pk=document.pk).first()
    if found is None:
        return None
    Document.objects.filter(pk=document.pk).delete()
    announce_deletion(found, found.current_version)
    return sorted({version.storage_name for version in versions} - {""})


def _locked(*, user: "User", document_id: UUID) -> tuple[Document, DocumentVersion]:
    """The version that is being read again, or else the current one."""
    document = get_document(user=user, document_id=document_id, role=BrainRole.EDITOR)
    return document, lock_latest(document)


def lock_latest(document: Document) -> DocumentVersion:
    """The version on which work goes on, or did last; its row is the caller's.

    Raises:
        NotFound: the document has been deleted meanwhile.
    """
    # Whoever deletes the document holds these rows, or has taken them away meanwhile.
    _hold_versions(document, no_key=True)
    both = Document.objects.select_related("current_version", "next_version")
    found = both.filter(pk=document.pk).first()
    if found is None:
        raise no_such_document()
    document.current_version, document.next_version = found.current_version, found.next_version
    version = found.next_version or found.current_version
    if version is None:
        raise no_such_document()
    version.document = document
    return version


def _hold_versions(document: Document, *, no_key: bool) -> list[DocumentVersion]:
    """All of them, twice: one that was made while the others were waited for is seen only then."""
    versions = document.versions.select_for_update(no_key=no_key).order_by("pk")
    list(versions)
    return list(versions.all())
