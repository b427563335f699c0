"""The one door to webhooks and their deliveries: for editors and owners of the brain."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import QuerySet

from chatbot.brains.models import BrainRole
from chatbot.brains.selectors import (
    get_brain,
    in_readable_brain,
    require_role,
    role_in_brain,
)
from chatbot.contracts.errors import NotFound
from chatbot.webhooks.models import Delivery, Webhook

if TYPE_CHECKING:
    from chatbot.accounts.models import User


def webhooks_of(*, user: "User", brain_id: UUID) -> QuerySet[Webhook, Webhook]:
    """The webhooks of a brain; raises NotFound and NotAllowed as `get_brain` for an editor."""
    brain = get_brain(user=user, brain_id=brain_id, role=BrainRole.EDITOR)
    return Webhook.objects.filter(brain=brain)


def get_webhook(*, user: "User", webhook_id: UUID) -> Webhook:
    """A webhook of a brain in which the user is an editor.

    Raises:
        NotFound: it doesn't exist, or the user is no member of its brain.
        NotAllowed: the user's role is lower.
    """
    webhook = (
        Webhook.objects.filter(in_readable_brain(user=user), pk=webhook_id)
        .annotate(role=role_in_brain(user=user))
        .first()
    )
    if webhook is None:
        raise no_such_webhook()
    require_role(has=getattr(webhook, "role", 0), needs=BrainRole.EDITOR)
    return webhook


def deliveries_of(
    *, user: "User", webhook_id: UUID, state: str = ""
) -> QuerySet[Delivery, Delivery]:
    """What was sent to a webhook and is to be, the newest first; raises as `get_webhook`."""
    deliveries = Delivery.objects.filter(webhook=get_webhook(user=user, webhook_id=webhook_id))
    deliveries = deliveries.prefetch_related("attempts")
    return deliveries.filter(state=state) if state else deliveries


def get_delivery(*, user: "User", delivery_id: UUID) -> Delivery:
    """A delivery of a webhook in whose brain the user is an editor.

    Raises:
        NotFound: it doesn't exist, or the user is no member of its brain.
        NotAllowed: the user's role is lower.
    """
    delivery = (
        Delivery.objects.filter(in_readable_brain(user=user, path="webhook__brain"), pk=delivery_id)
        .annotate(role=role_in_brain(user=user, path="webhook__brain"))
        .first()
    )
    if delivery is None:
        raise no_such_delivery()
    require_role(has=getattr(delivery, "role", 0), needs=BrainRole.EDITOR)
    return delivery


def no_such_webhook() -> NotFound:
    """What is said of a webhook that is gone, or somebody else's."""
    return NotFound("There is no such webhook.", way_out="List the webhooks of the brain.")


def no_such_delivery() -> NotFound:
    """What is said of a delivery that is gone, or somebody else's."""
    return NotFound(
        "There is no such delivery.", way_out="Deliveries are removed after thirty days."
    )
