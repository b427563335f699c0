"""Taking in a file: a document, its version, its first job, in one transaction."""

import os
import unicodedata
import uuid
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from chatbot import jobs
from chatbot.brains.models import BrainRole
from chatbot.brains.selectors import get_brain
from chatbot.contracts import media_types
from chatbot.contracts.errors import (
    DOCUMENT_FAULTS,
    Conflict,
    InvalidInput,
    TooLarge,
    UnsupportedType,
)
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import Document, DocumentVersion, IngestionJob
from chatbot.documents.services import files
from chatbot.documents.services.news import announce

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

    from chatbot.accounts.models import User

_ATTEMPTS: Final = 3
_TITLE_CHARACTERS: Final = 300
_MEGABYTE: Final = 1024 * 1024
_SLOW_TO_OPEN_BYTES: Final = 2 * _MEGABYTE
"""PDFs and images are counted by their header; of the rest all is read when it is opened."""
_OLE_SIGNATURE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Word, Excel and PowerPoint before 2007, and newer ones with a password."""


@dataclass(frozen=True, slots=True)
class UploadResult:
    document: Document
    created: bool
    """False: the same bytes were in the brain already, and this is their document."""


def upload_document(
    *,
    user: "User",
    brain_id: UUID,
    file: "UploadedFile[bytes]",
    title: str,
    sha256: str,
    size_bytes: int,
) -> UploadResult:
    """Stores a file and queues its ingestion.

    Args:
        user: who uploads.
        brain_id: where to.
        file: on disk already, with the client's name for it.
        title: empty for the file's name.
        sha256: of the content, in hexadecimal.
        size_bytes: of the content.

    Raises:
        NotFound, NotAllowed: the brain, for this user.
        InvalidInput, TooLarge, UnsupportedType: the file, by its content.
        StorageAway: nothing was stored; try again.
    """
    get_brain(user=user, brain_id=brain_id, role=BrainRole.EDITOR)
    _check_size(size_bytes)
    media_type = _media_type(file)
    if known := _document_of(brain_id, sha256):
        return UploadResult(known, created=False)
    version = DocumentVersion(id=uuid.uuid4(), size_bytes=size_bytes, media_type=media_type)
    version.storage_name = files.storage_name(sha256=sha256, version_id=version.pk)
    files.store_file(name=version.storage_name, file=file)
    document = Document(
        brain_id=brain_id, title=_title(title, file), sha256=sha256, created_by=user
    )
    try:
        return _store_rows(user, document, version)
    except BaseException:
        files.remove_files(names=[version.storage_name])
        raise


def _store_rows(user: "User", document: Document, version: DocumentVersion) -> UploadResult:
    """The rows; or the document of somebody who was quicker with the same bytes."""
    for _ in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                _insert(document, version)
        except IntegrityError:
            # Somebody was quicker with the same bytes, or the brain has gone meanwhile.
            get_brain(user=user, brain_id=document.brain_id, role=BrainRole.EDITOR)
            if known := _document_of(document.brain_id, document.sha256):
                files.remove_files(names=[version.storage_name])
                return UploadResult(known, created=False)
        else:
            return UploadResult(document, created=True)
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
        is_long=_is_slow_to_open(version),
    )
    if not files.link_file(name=version.storage_name):
        raise files.StorageAway("The upload took too long.", way_out="Upload the file again.")
    announce(version)
    jobs.wake_scheduler()


def _document_of(brain_id: UUID, sha256: str) -> Document | None:
    return (
        Document.objects.select_related("current_version")
        .filter(brain_id=brain_id, sha256=sha256)
        .first()
    )


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


def _media_type(file: "UploadedFile[bytes]") -> str:
    """What the content says; the name decides only between kinds of text."""
    file.seek(0)
    head = file.read(media_types.SAMPLE_BYTES)
    file.seek(max(0, file.seek(0, os.SEEK_END) - media_types.SAMPLE_BYTES))
    tail = file.read(media_types.SAMPLE_BYTES)
    file.seek(0)
    media_type = media_types.detect(head=head, tail=tail, name=file.name or "")
    if media_type:
        return media_type
    if head.startswith(_OLE_SIGNATURE):
        raise UnsupportedType(
            "Office files with a password, or of before 2007, can't be read.",
            way_out="Save it as DOCX, PPTX, XLSX or PDF, without a password.",
        )
    raise UnsupportedType(
        "This type of file can't be read.",
        way_out="Accepted: PDF, images, DOCX, PPTX, XLSX, HTML, Markdown, text, CSV and EML.",
    )


def _title(title: str, file: "UploadedFile[bytes]") -> str:
    """Composed characters: some systems hand over names of which every syllable is in pieces."""
    words = title.strip() or PurePath(file.name or "").name or "Untitled"
    return unicodedata.normalize("NFC", words).replace("\x00", "")[:_TITLE_CHARACTERS]


def _is_slow_to_open(version: DocumentVersion) -> bool:
    quick = version.media_type in {media_types.PDF, *media_types.IMAGES}
    return not quick and version.size_bytes > _SLOW_TO_OPEN_BYTES
