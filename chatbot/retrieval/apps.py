from django.apps import AppConfig


class RetrievalConfig(AppConfig):
    name = "chatbot.retrieval"
    label = "retrieval"
