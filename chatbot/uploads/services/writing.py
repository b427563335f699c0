"""Who may write to an upload: one request at a time, and only while it is alive."""

import contextlib
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from chatbot.contracts.errors import Conflict, Gone, Locked
from chatbot.uploads.models import Upload, UploadPart, UploadState
from chatbot.uploads.selectors import no_such_upload

if TYPE_CHECKING:
    from chatbot.accounts.models import User

WRITER_SECONDS: Final = 20
"""After this long without a sign of life somebody else may write."""
RENEW_SECONDS: Final = 5


class Writer:
    """The right to write to an upload; `upload` is its row as it was when the right was taken."""

    def __init__(self, upload: Upload) -> None:
        self.upload: Final = upload
        self._renewed = time.monotonic()

    def keep(self) -> None:
        """To be called again and again while there is work.

        Raises:
            Locked: somebody else has taken the upload over.
        """
        if time.monotonic() - self._renewed >= RENEW_SECONDS:
            self.hold(WRITER_SECONDS)

    def hold(self, seconds: int) -> None:
        """Keeps the right for so long, however silent; raises Locked."""
        self.update(writer_until=timezone.now() + timedelta(seconds=seconds))
        self._renewed = time.monotonic()

    def update(self, **columns: object) -> None:
        """Changes the row, while it is ours; raises Locked."""
        held = Upload.objects.filter(pk=self.upload.pk, writer=self.upload.writer)
        if not held.update(**columns):
            raise busy()
        for name, value in columns.items():
            setattr(self.upload, name, value)


@contextlib.contextmanager
def writing(*, user: "User", upload_id: UUID, offset: int | None) -> Iterator[Writer]:
    """The upload, for one writer at a time.

    Args:
        user: whose upload it is.
        upload_id: the upload.
        offset: where the client thinks it stands; None: it doesn't matter.

    Raises:
        NotFound: there is none, or it is somebody else's.
        Gone: it has expired, or failed.
        Conflict: `offset-differs`.
        Locked: `upload-busy`.
    """
    upload = _take(user, upload_id, offset)
    try:
        yield Writer(upload)
    finally:
        held = Upload.objects.filter(pk=upload.pk, writer=upload.writer, writer__isnull=False)
        held.update(writer=None, writer_until=None)


@transaction.atomic
def _take(user: "User", upload_id: UUID, offset: int | None) -> Upload:
    upload = (
        Upload.objects.select_for_update(no_key=True, of=("self",))
        .select_related("item")
        .filter(user=user, pk=upload_id)
        .first()
    )
    if upload is None:
        raise no_such_upload()
    check_alive(upload)
    if upload.writer_until and upload.writer_until > timezone.now():
        raise busy()
    if offset is not None and offset != upload.offset:
        raise Conflict(
            f"The upload stands at {upload.offset} bytes.",
            code="offset-differs",
            way_out="Ask for its offset with HEAD, and go on from there.",
        )
    upload.writer = uuid.uuid4()
    upload.writer_until = timezone.now() + timedelta(seconds=WRITER_SECONDS)
    upload.save(update_fields=["writer", "writer_until"])
    return upload


@transaction.atomic
def drop(uploads: QuerySet[Upload, Upload]) -> list[str]:
    """Deletes uploads, whoever writes to them; the names of the files that nobody needs then.

    Locked before, as writers do: a cascade would begin with the parts.
    """
    held = list(uploads.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    parts = UploadPart.objects.filter(upload__in=held)
    names = list(parts.values_list("storage_name", flat=True))
    Upload.objects.filter(pk__in=held).delete()
    return names


def check_alive(upload: Upload) -> None:
    """Raises Gone: it has expired or failed."""
    if upload.state == UploadState.FAILED:
        raise Gone(
            upload.error_sentence,
            code=upload.error_code,
            way_out="Begin a new upload, when what was wrong has been corrected.",
        )
    if upload.state != UploadState.DONE and upload.expires_at <= timezone.now():
        raise Gone("The upload has expired.", code="upload-expired", way_out="Begin a new one.")


def busy() -> Locked:
    """What is said to all but the one who writes."""
    return Locked(
        "The upload is being written to by another request.",
        code="upload-busy",
        way_out="Wait a moment, ask for its offset with HEAD, and go on from there.",
    )
