"""Makes the endpoints agree with INFERENCE_URL and EMBEDDING_URL, and checks them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chatbot.contracts.errors import AppError
from chatbot.inference.services import check_endpoint, sync_environment_endpoints
from chatbot.inference.services.environment import WAIT_SECONDS


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--wait",
            type=float,
            default=WAIT_SECONDS,
            metavar="SECONDS",
            help="how long to wait for a server that has to say what it serves",
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        try:
            endpoints = sync_environment_endpoints(wait_seconds=options["wait"])
        except AppError as error:
            raise CommandError(f"{error} {error.way_out}") from error
        if not endpoints:
            self.stdout.write("The environment names no inference server.")
        for endpoint in endpoints:
            check = check_endpoint(endpoint_id=endpoint.pk)
            mark = "ok" if check.is_healthy else "not ok"
            self.stdout.write(f"{mark}: {endpoint}: {check.detail}")
