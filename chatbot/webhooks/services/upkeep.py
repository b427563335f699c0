"""What has grown old goes, and how deliveries stand."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.models import Min
from django.db.models.functions import Now
from django.utils import timezone

from chatbot.webhooks.models import Delivery, DeliveryState, Webhook

KEEP_DAYS: Final = 30
OLD_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Backlog:
    pending: int
    oldest_seconds: float
    """How long the oldest pending delivery has been on its way."""
    disabled: int
    """Webhooks that were turned off because they failed."""


def remove_old_deliveries() -> int:
    """Returns how many; `OLD_AT_ONCE` means that there may be more."""
    old = Delivery.objects.filter(created_at__lt=Now() - timedelta(days=KEEP_DAYS))
    chunk = list(old.order_by("created_at").values_list("pk", flat=True)[:OLD_AT_ONCE])
    Delivery.objects.filter(pk__in=chunk).delete()
    return len(chunk)


def backlog() -> Backlog:
    """How much is still to be sent."""
    pending = Delivery.objects.filter(state=DeliveryState.PENDING)
    oldest = pending.aggregate(oldest=Min("created_at"))["oldest"]
    return Backlog(
        pending=pending.count(),
        oldest_seconds=(timezone.now() - oldest).total_seconds() if oldest else 0.0,
        disabled=Webhook.objects.exclude(disabled_code="").count(),
    )
