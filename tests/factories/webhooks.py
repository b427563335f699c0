"""Webhooks and deliveries, without anything being sent."""

from collections.abc import Sequence

from chatbot.brains.models import Brain
from chatbot.webhooks.models import Delivery, Webhook, WebhookEvent
from chatbot.webhooks.services.signing import encrypted

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the specification's examples


def make_webhook(
    brain: Brain,
    *,
    url: str = "https://receiver.example/hook",
    events: Sequence[WebhookEvent] = tuple(WebhookEvent),
    secret: str = SECRET,
) -> Webhook:
    return Webhook.objects.create(
        brain=brain,
        url=url,
        events=list(events),
        encrypted_secret=encrypted(secret),
        created_by=brain.created_by,
    )


def make_delivery(
    webhook: Webhook, *, event: WebhookEvent = WebhookEvent.DOCUMENT_READY, title: str = "A note"
) -> Delivery:
    """One that is due."""
    return Delivery.objects.create(
        webhook=webhook, event=event, data={"brain": str(webhook.brain_id), "title": title}
    )
