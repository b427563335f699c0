"""What becomes of an upload: a document, a reason why not, or nothing after a day."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from chatbot.contracts.errors import (
    AppError,
    Conflict,
    DocumentFault,
    InvalidInput,
    Locked,
    NotAllowed,
    NotFound,
    TooLarge,
    Unavailable,
    UnsupportedType,
)
from chatbot.documents.services import UploadResult, files, upload_document
from chatbot.uploads.models import Upload, UploadPart, UploadState
from chatbot.uploads.selectors import get_upload
from chatbot.uploads.services.items import (
    BatchCancelled,
    check_bytes,
    mark_received,
    mark_refused,
)
from chatbot.uploads.services.receiving import EXPIRE_HOURS, temporary_file
from chatbot.uploads.services.writing import Writer, check_alive, drop, writing

if TYPE_CHECKING:
    from django.core.files.uploadedfile import TemporaryUploadedFile

    from chatbot.accounts.models import User

STORE_SECONDS: Final = 120
"""So long may storing the whole file take before somebody else may try."""
EXPIRED_AT_ONCE: Final = 50
_COPY_BYTES: Final = 1024 * 1024
_REFUSALS: Final = (
    InvalidInput,
    TooLarge,
    UnsupportedType,
    DocumentFault,
    NotFound,
    NotAllowed,
    BatchCancelled,
)
"""Trying again would not help."""


def finish_upload(*, user: "User", upload_id: UUID) -> Upload:
    """Makes the document of an upload whose bytes are all there; one that is done stays done.

    Raises:
        NotFound, NotAllowed: the upload, or the role in its brain meanwhile.
        Gone, Locked: as `writing`.
        Conflict: `upload-incomplete`.
        InvalidInput, TooLarge, UnsupportedType: the file, by its content; the upload has failed.
        BatchCancelled: the upload has failed.
        StorageAway: the upload stays complete; finish it again.
    """
    with writing(user=user, upload_id=upload_id, offset=None) as writer:
        if writer.upload.state == UploadState.DONE:
            return writer.upload
        if writer.upload.state != UploadState.COMPLETE:
            raise Conflict(
                "Some of the bytes are missing.",
                code="upload-incomplete",
                way_out="Ask for the offset with HEAD, and send the rest.",
            )
        try:
            _make_document(user, writer)
        except _REFUSALS as error:
            _fail(writer, error)
            raise
        return writer.upload


def settle_upload(*, user: "User", upload_id: UUID) -> Upload:
    """The upload as it stands; where all bytes are there, its document is made first.

    So no client takes an upload for done that has become no document.

    Raises:
        NotFound, NotAllowed, Gone, InvalidInput, TooLarge, UnsupportedType: as `finish_upload`.
        Locked: somebody writes the last of it right now, or the storage is away; ask again.
    """
    upload = get_upload(user=user, upload_id=upload_id)
    check_alive(upload)
    if upload.state != UploadState.COMPLETE:
        return upload
    try:
        return finish_upload(user=user, upload_id=upload_id)
    except Unavailable as error:
        raise Locked(error.sentence, code=error.error_code, way_out=error.way_out) from error


def _make_document(user: "User", writer: Writer) -> None:
    upload = writer.upload
    names = [part.storage_name for part in upload.parts.all()]
    with files.writing_to_disk(), temporary_file(upload.filename) as file:
        sha256 = _assemble(writer, names, file)
        check_bytes(upload.item, sha256=sha256)
        writer.hold(STORE_SECONDS)
        upload_document(
            user=user,
            brain_id=upload.brain_id,
            file=file,
            title=upload.title,
            sha256=sha256,
            size_bytes=upload.length,
            also=lambda result: _done(writer, result),
        )
    files.remove_files(names=names)


def _assemble(writer: Writer, names: list[str], file: "TemporaryUploadedFile") -> str:
    """Writes the parts to one file on disk; their SHA-256."""
    digest = hashlib.sha256()
    for name in names:
        for piece in _pieces(name):
            digest.update(piece)
            file.write(piece)
            writer.keep()
    file.seek(0)
    file.size = writer.upload.length
    return digest.hexdigest()


def _pieces(name: str) -> Iterator[bytes]:
    with files.open_stored(name=name) as stored:
        yield from stored.chunks(_COPY_BYTES)


def _done(writer: Writer, result: UploadResult) -> None:
    """In the transaction that makes the document."""
    writer.update(
        state=UploadState.DONE,
        document=result.document,
        expires_at=timezone.now() + timedelta(hours=EXPIRE_HOURS),
    )
    UploadPart.objects.filter(upload=writer.upload).delete()
    mark_received(writer.upload.item, result)


def _fail(writer: Writer, error: AppError) -> None:
    names = [part.storage_name for part in writer.upload.parts.all()]
    with transaction.atomic():
        writer.update(
            state=UploadState.FAILED, error_code=error.error_code, error_sentence=error.sentence
        )
        UploadPart.objects.filter(upload=writer.upload).delete()
        mark_refused(writer.upload.item, error)
    files.remove_files(names=names)


def delete_upload(*, user: "User", upload_id: UUID) -> None:
    """Forgets an upload and its bytes; the document that it has become stays.

    Raises:
        NotFound: there is none, or it is somebody else's.
        Gone, Locked: as `writing`.
    """
    with writing(user=user, upload_id=upload_id, offset=None) as writer:
        names = drop(Upload.objects.filter(pk=writer.upload.pk))
    files.remove_files(names=names)


def remove_expired_uploads() -> int:
    """Removes uploads that have not been finished in time, and what is known of old ones.

    Returns how many; `EXPIRED_AT_ONCE` means that there may be more.
    """
    now = timezone.now()
    with transaction.atomic():
        expired = list(
            Upload.objects.select_for_update(skip_locked=True)
            .filter(Q(writer_until__isnull=True) | Q(writer_until__lt=now), expires_at__lt=now)
            .order_by("expires_at")[:EXPIRED_AT_ONCE]
        )
        names = list(
            UploadPart.objects.filter(upload__in=expired).values_list("storage_name", flat=True)
        )
        Upload.objects.filter(pk__in=[upload.pk for upload in expired]).delete()
    files.remove_files(names=names)
    return len(expired)
