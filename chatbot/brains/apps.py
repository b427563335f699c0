from django.apps import AppConfig


class BrainsConfig(AppConfig):
    name = "chatbot.brains"
    label = "brains"

    def ready(self) -> None:
        from chatbot.accounts.services.departures import keep_for_owners  # noqa: PLC0415 - models
        from chatbot.brains.services import OwnedBrains  # noqa: PLC0415 - as above

        keep_for_owners(OwnedBrains())
