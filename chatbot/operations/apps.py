from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "chatbot.operations"
    label = "operations"
