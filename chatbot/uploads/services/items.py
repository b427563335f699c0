"""Items of batches, when their files come."""

import contextlib
from collections.abc import Iterator

from chatbot.contracts.errors import (
    AppError,
    Conflict,
    InvalidInput,
    TooLarge,
    UnsupportedType,
)
from chatbot.documents.services import UploadResult
from chatbot.uploads.models import Batch, BatchItem, ItemResult

_WITHOUT_DOCUMENT = (ItemResult.WANTED, ItemResult.REFUSED)


class BatchCancelled(Conflict):
    """The batch that the file is for takes no more."""

    code = "item-cancelled"


def check_wanted(item: BatchItem | None) -> None:
    """Raises BatchCancelled; by what is in the database now."""
    if item and Batch.objects.filter(pk=item.batch_id, cancelled_at__isnull=False).exists():
        raise BatchCancelled(
            "The batch has been cancelled.",
            way_out="Make a new batch, or upload the file without one.",
        )


def check_bytes(item: BatchItem | None, *, sha256: str) -> None:
    """Whether the file is the one that was announced, and still wanted.

    Raises:
        InvalidInput: `sha256-differs`.
        BatchCancelled
    """
    if item is None:
        return
    check_wanted(item)
    if item.sha256 and item.sha256 != sha256:
        raise InvalidInput(
            "The file isn't the one that the batch has announced.",
            code="sha256-differs",
            way_out="Announce the file as it is now in a new batch.",
        )


def mark_received(item: BatchItem | None, result: UploadResult) -> None:
    """In the transaction that makes the document; items with the same bytes have it, too.

    Raises:
        BatchCancelled: meanwhile.
    """
    if item is None:
        return
    document = result.document
    received = BatchItem.objects.filter(pk=item.pk) | BatchItem.objects.filter(
        batch=item.batch_id, sha256=document.sha256, result__in=_WITHOUT_DOCUMENT
    )
    if not result.created:
        # The same file twice: the document that came for the item was not there before it.
        received = received.exclude(result=ItemResult.RECEIVED, document=document)
    received.update(
        result=ItemResult.RECEIVED if result.created else ItemResult.PRESENT,
        document=document,
        error_code="",
        error_sentence="",
    )
    # Whoever cancels the batch at this moment has either been waited for, or finds the document.
    check_wanted(item)


def mark_refused(item: BatchItem | None, error: AppError) -> None:
    """The file that came for it can't become a document."""
    if item is not None:
        BatchItem.objects.filter(pk=item.pk, result__in=_WITHOUT_DOCUMENT).update(
            result=ItemResult.REFUSED,
            error_code=error.error_code,
            error_sentence=error.sentence,
        )


@contextlib.contextmanager
def refusing(item: BatchItem | None) -> Iterator[None]:
    """Notes at the item why the file that came for it was refused."""
    try:
        yield
    except (InvalidInput, TooLarge, UnsupportedType) as error:
        mark_refused(item, error)
        raise
