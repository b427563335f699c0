"""Taking in a file: a document, its version, its first job, in one transaction."""

import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from chatbot import jobs
from chatbot.brains.models import BrainRole
from chatbot.brains.selectors import get_brain
from chatbot.contracts.errors import (
    DOCUMENT_FAULTS,
    Conflict,
    InvalidInput,
    TooLarge,
)
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import Document, DocumentVersion, IngestionJob
from chatbot.documents.services import files
from chatbot.documents.services.content import is_slow_to_open, media_type_of
from chatbot.documents.services.news import announce

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

    from chatbot.accounts.models import User

_ATTEMPTS: Final = 3
_TITLE_CHARACTERS: Final = 300
_MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class UploadResult:
    document: Document
    created: bool
    """False: the same bytes were in the brain already, and this is their document."""


Also = Callable[[UploadResult], None]


def upload_document(  # noqa: PLR0913 - each says another thing about the file
    *,
    user: "User",
    brain_id: UUID,
    file: "UploadedFile[bytes]",
    title: str,
    sha256: str,
    size_bytes: int,
    also: Also | None = None,
) -> UploadResult:
    """Stores a file and queues its ingestion.

    Args:
        user: who uploads.
        brain_id: where to.
        file: on disk already, with the client's name for it.
        title: empty for the file's name.
        sha256: of the content, in hexadecimal.
        size_bytes: of the content.
        also: called with the result in the transaction that makes or finds the document; what it
            raises undoes that.

    Raises:
        NotFound, NotAllowed: the brain, for this user.
        InvalidInput, TooLarge, UnsupportedType: the file, by its content.
        StorageAway: nothing was stored; try again.
    """
    get_brain(user=user, brain_id=brain_id, role=BrainRole.EDITOR)
    _check_size(size_bytes)
    media_type = media_type_of(file, name=file.name or "")
    if known := _found(brain_id, sha256, also):
        return known
    version = DocumentVersion(id=uuid.uuid4(), size_bytes=size_bytes, media_type=media_type)
    version.storage_name = files.storage_name(sha256=sha256, version_id=version.pk)
    files.store_file(name=version.storage_name, file=file)
    document = Document(
        brain_id=brain_id, title=_title(title, file), sha256=sha256, created_by=user
    )
    try:
        return _store_rows(user, document, version, also)
    except BaseException:
        files.remove_unless_linked(name=version.storage_name)
        raise


def _store_rows(
    user: "User", document: Document, version: DocumentVersion, also: Also | None
) -> UploadResult:
    """The rows; or the document of somebody who was quicker with the same bytes."""
    for _ in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                _insert(document, version)
                result = UploadResult(document, created=True)
                if also:
                    also(result)
        except IntegrityError:
            # Somebody was quicker with the same bytes, or the brain has gone meanwhile.
            get_brain(user=user, brain_id=document.brain_id, role=BrainRole.EDITOR)
            if known := _found(document.brain_id, document.sha256, also):
                files.remove_files(names=[version.storage_name])
                return known
        else:
            return result
    raise Conflict("The document is being changed by somebody else.", way_out="Try again.")


def _insert(document: Document, version: DocumentVersion) -> None:
    document.current_version = None
    document.save(force_insert=True)
    version.document = document
    version.save(force_insert=True)
    document.current_version = version
    document.save(update_fields=["current_version"])
    IngestionJob.objects.create(
        version=version,
        stage=Stage.OPEN,
        is_long=is_slow_to_open(version),
    )
    if not files.link_file(name=version.storage_name):
        raise files.StorageAway("The upload took too long.", way_out="Upload the file again.")
    announce(version)
    jobs.wake_scheduler()


def _found(brain_id: UUID, sha256: str, also: Also | None) -> UploadResult | None:
    """The document that has the same bytes already; None, too, where it is just being deleted."""
    same = Document.objects.select_related("current_version", "next_version", "created_by")
    try:
        with transaction.atomic():
            document = same.filter(brain_id=brain_id, sha256=sha256).first()
            if document is None:
                return None
            result = UploadResult(document, created=False)
            if also:
                also(result)
    except IntegrityError:
        return None
    return result


def _check_size(size_bytes: int) -> None:
    if size_bytes == 0:
        raise InvalidInput(
            DOCUMENT_FAULTS["file-empty"],
            code="file-empty",
            way_out="Choose the file again; it may not have been saved.",
        )
    if size_bytes > settings.UPLOAD_LIMIT_BYTES:
        limit = settings.UPLOAD_LIMIT_BYTES // _MEGABYTE
        raise TooLarge(
            f"The file is larger than {limit} MB.", way_out="Split it and upload the parts."
        )


def _title(title: str, file: "UploadedFile[bytes]") -> str:
    """Composed characters: some systems hand over names of which every syllable is in pieces."""
    words = title.strip() or PurePath(file.name or "").name or "Untitled"
    return unicodedata.normalize("NFC", words).replace("\x00", "")[:_TITLE_CHARACTERS]
