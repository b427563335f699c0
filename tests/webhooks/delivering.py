"""Sends what is due in the test's own process, and lets time pass."""

from datetime import timedelta

from django.utils import timezone

from chatbot.webhooks.models import Delivery, Webhook
from chatbot.webhooks.services.sending import deliver_next


def deliver_all() -> int:
    """All that is due; how many were sent."""
    sent = 0
    while deliver_next():
        sent += 1
    return sent


def pass_time(seconds: float) -> None:
    """As if all that is planned had been planned so much earlier."""
    earlier = timedelta(seconds=seconds)
    for delivery in Delivery.objects.all():
        delivery.next_attempt_at -= earlier
        delivery.save()
    for webhook in Webhook.objects.all():
        for field in ("paused_until", "leased_until", "failing_since", "old_secret_until"):
            value = getattr(webhook, field)
            setattr(webhook, field, value and value - earlier)
        webhook.save()


def seconds_until_next(delivery: Delivery) -> float:
    delivery.refresh_from_db()
    return (delivery.next_attempt_at - timezone.now()).total_seconds()
