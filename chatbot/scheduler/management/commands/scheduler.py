from django.core.management.base import BaseCommand

from chatbot.scheduler.leader import run_scheduler


class Command(BaseCommand):
    """`manage.py scheduler`."""

    help = "Selects ready work and sends hints to the workers. A second one stands by."
    requires_system_checks: list[str] = []

    def handle(self, *_: object, **__: object) -> None:
        run_scheduler()
