from django.apps import AppConfig


class SchedulerConfig(AppConfig):
    name = "chatbot.scheduler"
    label = "scheduler"
