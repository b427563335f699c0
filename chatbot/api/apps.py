from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "chatbot.api"
    label = "api"

    def ready(self) -> None:
        # Registers how the schema describes our ways to sign in.
        from chatbot.api import schema  # noqa: F401, PLC0415
