"""People try a webhook, and have something sent again."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chatbot import jobs
from chatbot.contracts.errors import Conflict
from chatbot.webhooks.models import PING, Delivery, DeliveryState, Webhook
from chatbot.webhooks.selectors import get_delivery, no_such_delivery, no_such_webhook
from chatbot.webhooks.services.faults import DISABLED
from chatbot.webhooks.services.registration import locked_webhook

if TYPE_CHECKING:
    from chatbot.accounts.models import User


@transaction.atomic
def send_ping(*, user: "User", webhook_id: UUID) -> Delivery:
    """Has a `ping` sent at once.

    Raises:
        NotFound, NotAllowed: as `get_webhook`.
        Conflict: `webhook-disabled`.
    """
    webhook = locked_webhook(user=user, webhook_id=webhook_id)
    _require_enabled(webhook)
    data = {"brain": str(webhook.brain_id), "webhook": str(webhook.pk)}
    delivery = Delivery.objects.create(webhook=webhook, event=PING, data=data)
    _send_at_once(webhook)
    return delivery


@transaction.atomic
def resend_delivery(*, user: "User", delivery_id: UUID) -> Delivery:
    """Has a delivery sent once more at once, under the same `webhook-id`.

    Raises:
        NotFound, NotAllowed: as `get_delivery`.
        Conflict: `webhook-disabled`.
    """
    return resend(get_delivery(user=user, delivery_id=delivery_id))


@transaction.atomic
def resend(delivery: Delivery) -> Delivery:
    """As `resend_delivery`, whoever asks for it."""
    webhook = Webhook.objects.select_for_update(no_key=True).filter(pk=delivery.webhook_id).first()
    if webhook is None:
        raise no_such_webhook()
    _require_enabled(webhook)
    # Read again: it may have been sent or removed while the webhook was somebody else's.
    found = Delivery.objects.filter(pk=delivery.pk).first()
    if found is None:
        raise no_such_delivery()
    delivery = found
    delivery.state = DeliveryState.PENDING
    delivery.tries = 0
    delivery.next_attempt_at = timezone.now()
    delivery.finished_at = None
    delivery.save()
    _send_at_once(webhook)
    return delivery


def _send_at_once(webhook: Webhook) -> None:
    webhook.paused_until = None
    webhook.save(update_fields=["paused_until"])
    jobs.wake_scheduler()


def _require_enabled(webhook: Webhook) -> None:
    if not webhook.is_enabled:
        raise Conflict(
            "The webhook is off.", code=DISABLED, way_out="Turn it on, and try this again."
        )
