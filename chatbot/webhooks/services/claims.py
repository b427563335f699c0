"""Which delivery is sent next, and by whom: one at a time to each webhook, the webhooks in turns.

A claim is a lease on the webhook's row. Whoever dies between sending and recording has its lease
end, and the delivery is sent again under the same id.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from chatbot.webhooks.models import Delivery, DeliveryState, Webhook

LEASE_SECONDS: Final = 60
"""Far above what one attempt can take."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send one delivery, and what is sent."""

    delivery_id: UUID
    webhook_id: UUID
    token: UUID
    url: str
    event: str
    data: dict[str, object]
    happened_at: datetime
    secrets: tuple[bytes, ...]
    """As they are stored: the current one, and the old one while it signs along."""


@transaction.atomic
def claim_delivery() -> Claim | None:
    """The next delivery that is due; None: there is none, or others are at it."""
    webhook = (
        due_webhooks()
        .select_for_update(no_key=True, skip_locked=True)
        .order_by(F("last_attempt_at").asc(nulls_first=True), "pk")
        .first()
    )
    if webhook is None:
        return None
    due = webhook.deliveries.filter(state=DeliveryState.PENDING, next_attempt_at__lte=Now())
    delivery = due.order_by("next_attempt_at", "created_at").first()
    if delivery is None:
        return None
    now = timezone.now()
    webhook.lease_token = uuid.uuid4()
    webhook.leased_until = now + timedelta(seconds=LEASE_SECONDS)
    webhook.last_attempt_at = now
    webhook.save(update_fields=["lease_token", "leased_until", "last_attempt_at"])
    # Counted before it is sent: what kills its sender again and again has an end, too.
    Delivery.objects.filter(pk=delivery.pk).update(tries=F("tries") + 1)
    return Claim(
        delivery_id=delivery.pk,
        webhook_id=webhook.pk,
        token=webhook.lease_token,
        url=webhook.url,
        event=delivery.event,
        data=delivery.data,
        happened_at=delivery.created_at,
        secrets=_secrets(webhook, now),
    )


def due_webhooks() -> QuerySet[Webhook, Webhook]:
    """Those to which something is to be sent now, and nobody sends."""
    pending = Delivery.objects.filter(
        webhook=OuterRef("pk"), state=DeliveryState.PENDING, next_attempt_at__lte=Now()
    )
    return Webhook.objects.filter(
        Exists(pending),
        Q(leased_until__isnull=True) | Q(leased_until__lt=Now()),
        Q(paused_until__isnull=True) | Q(paused_until__lte=Now()),
        is_enabled=True,
    )


def _secrets(webhook: Webhook, now: datetime) -> tuple[bytes, ...]:
    current = bytes(webhook.encrypted_secret)
    if webhook.old_secret_until is None or webhook.old_secret_until <= now:
        return (current,)
    return (current, bytes(webhook.encrypted_old_secret))
