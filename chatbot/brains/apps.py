from django.apps import AppConfig


class BrainsConfig(AppConfig):
    name = "chatbot.brains"
    label = "brains"
