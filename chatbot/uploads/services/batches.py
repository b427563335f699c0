"""Batches: many files announced at once, and what is done with all of them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from chatbot.brains.models import BrainRole
from chatbot.brains.selectors import get_brain
from chatbot.contracts.errors import DOCUMENT_FAULTS, Conflict, InvalidInput
from chatbot.documents.models import Document
from chatbot.documents.services import (
    Address,
    bulk,
    no_room_for_fetches,
    plan_fetches,
    require_room,
    room_for_fetches,
)
from chatbot.outbound.errors import UrlRefused
from chatbot.outbound.urls import read_url
from chatbot.uploads.models import UNFINISHED, Batch, BatchItem, ItemResult, Upload
from chatbot.uploads.selectors import get_batch
from chatbot.uploads.services.writing import drop

if TYPE_CHECKING:
    from chatbot.accounts.models import User

ITEMS_LIMIT: Final = 10_000
_ATTEMPTS: Final = 3
_ROWS_AT_ONCE: Final = 2000
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class NewItem:
    """What is announced of a file; with `url` it is to be fetched."""

    ref: str
    name: str = ""
    title: str = ""
    sha256: str = ""
    size_bytes: int | None = None
    url: str = ""


def create_batch(
    *,
    user: "User",
    brain_id: UUID,
    items: Sequence[NewItem],
    also: Callable[[Batch], None] | None = None,
) -> Batch:
    """Says of each file whether it is there, wanted or refused; those with an address are fetched.

    `also` is called with the batch, in the same transaction; what it raises undoes that, and it is
    called anew where the database has undone it.

    Raises:
        NotFound, NotAllowed: the brain, for an editor.
        InvalidInput: two items have the same `ref`.
        LimitReached: as `require_room`.
        Conflict: documents that the brain had are deleted, again and again.
    """
    get_brain(user=user, brain_id=brain_id, role=BrainRole.EDITOR)
    require_room(user=user)
    _check_refs(items)
    for _ in range(_ATTEMPTS):
        try:
            return _create(user, brain_id, items, also)
        except IntegrityError:
            # The brain has gone meanwhile, which is what this says, or one of its documents.
            get_brain(user=user, brain_id=brain_id, role=BrainRole.EDITOR)
    raise Conflict("Documents of the batch are being deleted.", way_out="Try again.")


@transaction.atomic
def _create(
    user: "User",
    brain_id: UUID,
    items: Sequence[NewItem],
    also: Callable[[Batch], None] | None,
) -> Batch:
    batch = Batch.objects.create(brain_id=brain_id, created_by=user)
    announced = {item.sha256 for item in items if item.sha256}
    known = dict(
        Document.objects.filter(brain=brain_id, sha256__in=announced).values_list("sha256", "pk")
    )
    rows = [_row(batch, item, known.get(item.sha256)) for item in items]
    _fetch(user, batch, rows)
    BatchItem.objects.bulk_create(rows, batch_size=_ROWS_AT_ONCE)
    if also:
        also(batch)
    return batch


def retry_batch(*, user: "User", batch_id: UUID) -> bulk.Changed:
    """Goes on with all documents of a batch that have failed.

    Raises:
        NotFound, NotAllowed: as `get_batch` for an editor.
    """
    batch = get_batch(user=user, batch_id=batch_id, role=BrainRole.EDITOR)
    items = BatchItem.objects.filter(batch=batch, document__isnull=False)
    return bulk.retry_failed(Document.objects.filter(pk__in=items.values("document")))


def cancel_batch(*, user: "User", batch_id: UUID) -> bulk.Changed:
    """Takes no more files for a batch, and ends the ingestion of those that came for it.

    Documents that were in the brain before stay as they are.

    Raises:
        NotFound, NotAllowed: as `get_batch` for an editor.
    """
    batch = get_batch(user=user, batch_id=batch_id, role=BrainRole.EDITOR)
    with transaction.atomic():
        Batch.objects.filter(pk=batch.pk, cancelled_at__isnull=True).update(cancelled_at=Now())
        items = BatchItem.objects.filter(batch=batch)
        # First: an upload that becomes a document holds its own row, and then waits for its item's.
        # Their files have no row then, and go as all such files do.
        drop(Upload.objects.filter(item__batch=batch, state__in=UNFINISHED))
        items.filter(result=ItemResult.WANTED).update(result=ItemResult.CANCELLED)
    came = items.filter(result=ItemResult.RECEIVED, document__isnull=False).values("document")
    return bulk.cancel_unfinished(Document.objects.filter(pk__in=came))


def _row(batch: Batch, item: NewItem, document_id: UUID | None) -> BatchItem:
    row = BatchItem(
        batch=batch,
        ref=item.ref,
        name=item.name,
        title=item.title,
        url=item.url,
        sha256=item.sha256,
        size_bytes=item.size_bytes,
    )
    if document_id and not item.url:
        row.result, row.document_id = ItemResult.PRESENT, document_id
    elif refusal := _refusal(item):
        _refuse(row, *refusal)
    return row


def _refuse(row: BatchItem, code: str, sentence: str) -> None:
    row.result, row.error_code, row.error_sentence = ItemResult.REFUSED, code, sentence


def _fetch(user: "User", batch: Batch, rows: Sequence[BatchItem]) -> None:
    """Queues the fetching of each address once, as far as there is room for this user."""
    wanted: dict[str, list[BatchItem]] = {}
    for row in rows:
        if row.url and row.result == ItemResult.WANTED:
            wanted.setdefault(str(read_url(row.url)), []).append(row)
    if not wanted:
        return
    room = room_for_fetches(user=user)
    fetched = list(islice(wanted.values(), room))
    documents = plan_fetches(
        user=user,
        brain_id=batch.brain_id,
        addresses=[Address(items[0].url, items[0].title) for items in fetched],
    )
    for document, items in zip(documents, fetched, strict=True):
        for row in items:
            row.result, row.document = ItemResult.RECEIVED, document
    full = no_room_for_fetches()
    for items in islice(wanted.values(), room, None):
        for row in items:
            _refuse(row, full.error_code, f"{full.sentence} {full.way_out}")


def _refusal(item: NewItem) -> tuple[str, str] | None:
    """Code and sentence, where it is known beforehand that the file can't be taken."""
    if item.url and item.sha256:
        return "sha256-unexpected", "Announce a file by its SHA-256 or by its address, not by both."
    if item.size_bytes == 0:
        return "file-empty", DOCUMENT_FAULTS["file-empty"]
    if item.size_bytes and item.size_bytes > settings.UPLOAD_LIMIT_BYTES:
        return "too-large", "The file is larger than the limit. Split it and upload the parts."
    if item.sha256 and not _SHA256.fullmatch(item.sha256):
        return "sha256-malformed", "The SHA-256 must have 64 hexadecimal digits in lower case."
    return _refused_address(item.url) if item.url else None


def _refused_address(url: str) -> tuple[str, str] | None:
    """Only its form is looked at: where it leads, the worker finds out."""
    try:
        read_url(url)
    except UrlRefused as error:
        return error.error_code, f"{error.sentence} {error.way_out}"
    return None


def _check_refs(items: Sequence[NewItem]) -> None:
    if len({item.ref for item in items}) < len(items):
        raise InvalidInput(
            "Two items have the same ref.",
            code="refs-repeated",
            way_out="Give each item of the batch a ref of its own.",
        )
