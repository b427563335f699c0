"""Beginning an upload, and taking in its bytes.

What arrives becomes files in storage, so that it outlives this process and is seen by all others.
All but the last of them have a least size: bytes that come in drops are put together.
"""

import contextlib
import hashlib
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import IntegrityError, transaction
from django.db.models import Count, Sum
from django.utils import timezone

from chatbot.accounts.models import User
from chatbot.brains.models import BrainRole
from chatbot.brains.selectors import get_brain
from chatbot.contracts.errors import (
    DOCUMENT_FAULTS,
    ChecksumDiffers,
    InvalidInput,
    LimitReached,
    TooLarge,
)
from chatbot.documents.services import files, require_room
from chatbot.uploads.models import UNFINISHED, Upload, UploadPart, UploadState
from chatbot.uploads.selectors import get_wanted_item
from chatbot.uploads.services.items import check_wanted
from chatbot.uploads.services.writing import Writer, writing

if TYPE_CHECKING:
    from chatbot.uploads.models import BatchItem

EXPIRE_HOURS: Final = 24
PART_BYTES: Final = 8 * 1024 * 1024
"""So much is stored at a time: what a process that dies can lose."""
LEAST_PART_BYTES: Final = 1024 * 1024
CHECKSUMS: Final = ("sha1", "sha256")
_MEGABYTE: Final = 1024 * 1024
_COME_BACK_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What is announced of a file."""

    brain_id: UUID
    length: int
    filename: str = ""
    title: str = ""
    batch_id: UUID | None = None
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Checksum:
    """Of the bytes of one request; `algorithm` is one of `CHECKSUMS`."""

    algorithm: str
    digest: bytes


def create_upload(
    *, user: User, new: NewUpload, also: Callable[[Upload], None] | None = None
) -> Upload:
    """Begins an upload; `also` is called with it in the same transaction.

    Raises:
        NotFound, NotAllowed: the brain or the batch, for an editor.
        InvalidInput: `file-empty`.
        TooLarge: it could never be a document.
        LimitReached: the user has too many uploads, or too many documents that wait.
        BatchCancelled
    """
    item = _check_place(user, new)
    _check_length(new.length)
    require_room(user=user)
    try:
        return _create(user, new, item, also)
    except IntegrityError:
        # The brain or the batch has gone meanwhile, which is what this says.
        _check_place(user, new)
        raise


@transaction.atomic
def _create(
    user: User,
    new: NewUpload,
    item: "BatchItem | None",
    also: Callable[[Upload], None] | None,
) -> Upload:
    _require_room_for_uploads(user, new.length)
    upload = Upload.objects.create(
        user=user,
        brain_id=new.brain_id,
        item=item,
        filename=new.filename or (item.name if item else ""),
        title=new.title or (item.title if item else ""),
        length=new.length,
        expires_at=_expiry(),
    )
    if also:
        also(upload)
    return upload


def receive(
    *,
    user: User,
    upload_id: UUID,
    offset: int,
    pieces: Iterable[bytes],
    checksum: Checksum | None = None,
) -> Upload:
    """Adds bytes to an upload, and answers where it stands then.

    What has been stored stays, however the pieces end. With a checksum it is all of them or none.

    Raises:
        NotFound, Gone, Conflict, Locked: as `writing`.
        ChecksumDiffers: nothing was added.
        TooLarge: there are more bytes than were announced.
        StorageAway: what has been stored until then stays.
    """
    with writing(user=user, upload_id=upload_id, offset=offset) as writer:
        _Receiver(writer, checksum).take_in(pieces)
        return writer.upload


class _Receiver:
    """Collects bytes on disk, and stores them part by part."""

    def __init__(self, writer: Writer, checksum: Checksum | None) -> None:
        self._writer = writer
        self._upload = writer.upload
        self._checksum = checksum
        self._hash = hashlib.new(checksum.algorithm) if checksum else None
        self._file: TemporaryUploadedFile | None = None
        self._new_bytes = 0
        self._replaced: UploadPart | None = None

    def take_in(self, pieces: Iterable[bytes]) -> None:
        try:
            for piece in pieces:
                self._add(piece)
            self._check()
            self._store()
        finally:
            if self._file:
                # On a full disk what is still in memory can't be written now, either.
                with contextlib.suppress(OSError):
                    self._file.close()

    def _add(self, piece: bytes) -> None:
        if self._upload.offset + self._new_bytes + len(piece) > self._upload.length:
            raise too_long()
        self._write(piece)
        self._new_bytes += len(piece)
        if self._hash:
            self._hash.update(piece)
        elif self._new_bytes >= PART_BYTES:
            self._store()
        self._writer.keep()

    def _check(self) -> None:
        if self._hash and self._checksum and self._hash.digest() != self._checksum.digest:
            raise ChecksumDiffers(
                "The bytes that arrived aren't those that were sent.",
                way_out="Send them again from the same offset.",
            )

    def _write(self, piece: bytes) -> None:
        with files.writing_to_disk():
            self._open().write(piece)

    def _open(self) -> TemporaryUploadedFile:
        """A part that is too small is begun again with its own bytes."""
        if self._file is None:
            self._file = temporary_file()
            last = UploadPart.objects.filter(upload=self._upload).order_by("-start").first()
            if last and last.size_bytes < LEAST_PART_BYTES:
                with files.open_stored(name=last.storage_name) as stored:
                    for piece in stored.chunks():
                        self._file.write(piece)
                self._replaced = last
        return self._file

    def _store(self) -> None:
        if self._file is None or not self._new_bytes:
            return
        name = f"uploads/{self._upload.pk}/{uuid.uuid4()}"
        with files.writing_to_disk():
            self._file.seek(0)
        files.store_file(name=name, file=self._file)
        try:
            self._write_row(name)
        except BaseException:
            files.remove_unless_linked(name=name)
            raise
        if self._replaced:
            files.remove_files(names=[self._replaced.storage_name])
        self._file.close()
        self._file, self._new_bytes, self._replaced = None, 0, None

    @transaction.atomic
    def _write_row(self, name: str) -> None:
        before = self._replaced.size_bytes if self._replaced else 0
        start = self._upload.offset - before
        offset = self._upload.offset + self._new_bytes
        is_whole = offset == self._upload.length
        # First: whoever lost the right to write finds rows of somebody else.
        self._writer.update(
            offset=offset,
            expires_at=_expiry(),
            state=UploadState.COMPLETE if is_whole else UploadState.RECEIVING,
        )
        if self._replaced:
            UploadPart.objects.filter(pk=self._replaced.pk).delete()
        UploadPart.objects.create(
            upload=self._upload, start=start, size_bytes=offset - start, storage_name=name
        )
        if not files.link_file(name=name):
            raise files.StorageAway("The upload took too long.", way_out="Send the bytes again.")


def temporary_file(name: str = "part") -> TemporaryUploadedFile:
    """A file on disk that goes when it is closed, unless it has been stored."""
    Path(settings.FILE_UPLOAD_TEMP_DIR).mkdir(mode=0o700, parents=True, exist_ok=True)
    return TemporaryUploadedFile(name, "application/octet-stream", 0, None)


def too_long() -> TooLarge:
    return TooLarge(
        "There are more bytes than the upload has announced.",
        code="upload-too-long",
        way_out="Begin a new upload with the right Upload-Length.",
    )


def _check_length(length: int) -> None:
    if length == 0:
        raise InvalidInput(
            DOCUMENT_FAULTS["file-empty"],
            code="file-empty",
            way_out="Choose the file again; it may not have been saved.",
        )
    if length > settings.UPLOAD_LIMIT_BYTES:
        limit = settings.UPLOAD_LIMIT_BYTES // _MEGABYTE
        raise TooLarge(
            f"The file is larger than {limit} MB.", way_out="Split it and upload the parts."
        )


def _require_room_for_uploads(user: User, length: int) -> None:
    # One at a time: many that come at once must not pass together.
    User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
    begun = Upload.objects.filter(user=user, state__in=UNFINISHED).aggregate(
        uploads=Count("pk"), length=Sum("length", default=0)
    )
    too_large = begun["length"] + length > settings.UNFINISHED_UPLOADS_BYTES
    if too_large or begun["uploads"] >= settings.UNFINISHED_UPLOADS:
        raise LimitReached(
            "You have too many uploads that haven't been finished.",
            code="uploads-unfinished",
            way_out="Finish or delete some of them; they go by themselves after a day.",
            retry_after_seconds=_COME_BACK_SECONDS,
        )


def _check_place(user: User, new: NewUpload) -> "BatchItem | None":
    """Whether the file may come there; the item that it is for, if any."""
    get_brain(user=user, brain_id=new.brain_id, role=BrainRole.EDITOR)
    if new.batch_id is None:
        return None
    item = get_wanted_item(user=user, brain_id=new.brain_id, batch_id=new.batch_id, ref=new.ref)
    check_wanted(item)
    return item


def _expiry() -> datetime:
    return timezone.now() + timedelta(hours=EXPIRE_HOURS)
