"""The app exists for its command, `manage.py up`."""

from django.apps import AppConfig


class EmbeddedConfig(AppConfig):
    name = "chatbot.embedded"
