"""What has grown old goes, and how deliveries stand."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, Min, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

from chatbot.webhooks.models import Delivery, DeliveryState, Webhook
from chatbot.webhooks.services.registration import fail_pending

KEEP_DAYS: Final = 30
OLD_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Backlog:
    pending: int
    oldest_seconds: float
    """How long the oldest pending delivery has been on its way."""
    disabled: int
    """Webhooks that were turned off because they failed."""


@transaction.atomic
def remove_old_deliveries() -> int:
    """Those that are still to be sent stay. Returns how many; `OLD_AT_ONCE`: maybe more."""
    old = Delivery.objects.filter(created_at__lt=Now() - timedelta(days=KEEP_DAYS)).exclude(
        state=DeliveryState.PENDING
    )
    # Whoever writes to a delivery holds its webhook: what is in use at this moment goes later.
    free = old.select_related("webhook").select_for_update(
        no_key=True, skip_locked=True, of=("self", "webhook")
    )
    chunk = [
        delivery.pk for delivery in free.order_by("created_at").only("webhook__id")[:OLD_AT_ONCE]
    ]
    Delivery.objects.filter(pk__in=chunk).delete()
    return len(chunk)


def fail_forgotten_deliveries() -> int:
    """Fails what was recorded at the moment in which its webhook was turned off.

    Returns of how many webhooks; what nobody sends would count as waiting for ever.
    """
    pending = Delivery.objects.filter(webhook=OuterRef("pk"), state=DeliveryState.PENDING)
    forgotten = Webhook.objects.filter(Exists(pending), is_enabled=False)
    with transaction.atomic():
        webhooks = list(forgotten.select_for_update(no_key=True, skip_locked=True))
        for webhook in webhooks:
            fail_pending(webhook)
    return len(webhooks)


def backlog() -> Backlog:
    """How much is still to be sent."""
    pending = Delivery.objects.filter(state=DeliveryState.PENDING)
    oldest = pending.aggregate(oldest=Min("created_at"))["oldest"]
    return Backlog(
        pending=pending.count(),
        oldest_seconds=(timezone.now() - oldest).total_seconds() if oldest else 0.0,
        disabled=Webhook.objects.exclude(disabled_code="").count(),
    )
