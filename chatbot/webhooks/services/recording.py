"""Events are written down where they happen: in the same transaction, or not at all."""

from collections.abc import Mapping
from uuid import UUID

from django.db import connection

from chatbot import jobs
from chatbot.webhooks.models import Delivery, WebhookEvent


def record_event(*, brain_id: UUID, event: WebhookEvent, data: Mapping[str, object]) -> None:
    """Writes a delivery for each webhook of the brain that wants the event.

    Args:
        brain_id: where it happened.
        event: what happened.
        data: JSON; what documents say has no place in it.
    """
    deliveries = [
        Delivery(webhook_id=webhook_id, event=event, data=data)
        for webhook_id in _wanting(brain_id, event)
    ]
    if deliveries:
        Delivery.objects.bulk_create(deliveries)
        jobs.wake_scheduler()


def _wanting(brain_id: UUID, event: WebhookEvent) -> list[UUID]:
    """Held until the commit, so that none of them is deleted meanwhile.

    KEY SHARE, which Django doesn't know: documents end side by side, and while something is sent.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM webhooks_webhook"
            " WHERE brain_id = %s AND is_enabled AND %s = ANY(events)"
            " ORDER BY id FOR KEY SHARE",
            [brain_id, event.value],
        )
        return [row[0] for row in cursor.fetchall()]
