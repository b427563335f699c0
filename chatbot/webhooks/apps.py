from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from chatbot.brains.models import Brain


class WebhooksConfig(AppConfig):
    name = "chatbot.webhooks"
    label = "webhooks"

    def ready(self) -> None:
        from chatbot.brains.services import empty_first  # noqa: PLC0415 - needs the models

        empty_first(_silence_webhooks)


def _silence_webhooks(brain: "Brain") -> None:
    # Not before a brain is deleted: few processes need what this imports.
    from chatbot.webhooks.services.registration import silence_webhooks  # noqa: PLC0415

    silence_webhooks(brain)
