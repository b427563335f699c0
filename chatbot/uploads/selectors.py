"""The one door to uploads and batches: an upload is its owner's, a batch its brain's members'."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When

from chatbot.brains.models import BrainRole
from chatbot.brains.selectors import in_readable_brain, require_role, role_in_brain
from chatbot.contracts.errors import NotFound
from chatbot.uploads.models import DELETED, Batch, BatchItem, ItemResult, Upload

if TYPE_CHECKING:
    from chatbot.accounts.models import User


def get_upload(*, user: "User", upload_id: UUID) -> Upload:
    """Raises NotFound: it doesn't exist, or is somebody else's."""
    upload = Upload.objects.select_related("item").filter(user=user, pk=upload_id).first()
    if upload is None:
        raise no_such_upload()
    return upload


def get_batch(*, user: "User", batch_id: UUID, role: BrainRole = BrainRole.VIEWER) -> Batch:
    """A batch of a brain in which the user has at least the role.

    Raises:
        NotFound: it doesn't exist, or the user is no member of its brain.
        NotAllowed: the user's role is lower.
    """
    batch = (
        Batch.objects.filter(in_readable_brain(user=user), pk=batch_id)
        .annotate(role=role_in_brain(user=user))
        .first()
    )
    if batch is None:
        raise NotFound("There is no such batch.", way_out="Check the address.")
    require_role(has=getattr(batch, "role", 0), needs=role)
    return batch


def get_wanted_item(*, user: "User", brain_id: UUID, batch_id: UUID, ref: str) -> BatchItem:
    """The item of a batch that a file is for; it may have its document already.

    Raises:
        NotFound, NotAllowed: as `get_batch` for an editor; there is no such item in this brain.
    """
    batch = get_batch(user=user, batch_id=batch_id, role=BrainRole.EDITOR)
    item = BatchItem.objects.filter(batch=batch, batch__brain=brain_id, ref=ref).first()
    if item is None:
        raise NotFound("There is no such item in the batch.", way_out="Check `batch` and `ref`.")
    return item


def batch_items(*, batch: Batch, state: str = "") -> QuerySet[BatchItem, BatchItem]:
    """The items with their documents, annotated with `state`; empty: in any state."""
    items = (
        BatchItem.objects.filter(batch=batch)
        .select_related("document__current_version")
        .annotate(state=_state())
    )
    return items.filter(state=state) if state else items


def count_by_state(*, batch: Batch) -> dict[str, int]:
    """How many items of the batch are in which state; none is left out."""
    found: QuerySet[BatchItem, Any] = (
        BatchItem.objects.filter(batch=batch)
        .order_by()
        .annotate(state=_state())
        .values("state")
        .annotate(count=Count("pk"))
    )
    return {row["state"]: row["count"] for row in found}


def _state() -> Case:
    without_document = Q(result__in=(ItemResult.PRESENT, ItemResult.RECEIVED))
    return Case(
        When(document__isnull=False, then=F("document__current_version__state")),
        When(without_document, then=Value(DELETED)),
        default=F("result"),
        output_field=CharField(),
    )


def no_such_upload() -> NotFound:
    """What is said of an upload that is gone, or somebody else's."""
    return NotFound("There is no such upload.", way_out="Begin a new one.")
