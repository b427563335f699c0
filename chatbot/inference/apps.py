from django.apps import AppConfig


class InferenceConfig(AppConfig):
    name = "chatbot.inference"
    label = "inference"
