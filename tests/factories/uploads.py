"""Uploads that are on their way, and batches."""

from django.core.files.base import ContentFile

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.uploads.models import Batch, Upload
from chatbot.uploads.services.batches import NewItem, create_batch
from chatbot.uploads.services.receiving import NewUpload, create_upload, receive


def begin_upload(
    user: User,
    brain: Brain,
    *,
    length: int,
    filename: str = "note.txt",
    batch: Batch | None = None,
) -> Upload:
    """With a batch it is for the item `1` of it."""
    new = NewUpload(
        brain_id=brain.pk,
        length=length,
        filename=filename,
        batch_id=batch.pk if batch else None,
        ref="1" if batch else "",
    )
    return create_upload(user=user, new=new)


def send(upload: Upload, content: bytes, *, offset: int = 0) -> Upload:
    """By the service, in one request."""
    return receive(
        user=upload.user,
        upload_id=upload.pk,
        offset=offset,
        pieces=ContentFile(content).chunks(64 * 1024),
    )


def make_batch(user: User, brain: Brain, *items: NewItem) -> Batch:
    return create_batch(user=user, brain_id=brain.pk, items=items or [NewItem(ref="1")])
