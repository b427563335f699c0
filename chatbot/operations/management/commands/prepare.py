"""`manage.py prepare`: runs once at each start, before the processes."""

import sys

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError
from redis.exceptions import RedisError

from chatbot.contracts.errors import AppError
from chatbot.operations.preparation import prepare


class Command(BaseCommand):
    """Migrations, endpoints of the environment, the first administrator, a brain."""

    help = "Does what has to be done before the processes start; what has been done is left alone."
    requires_system_checks: list[str] = []

    def handle(self, *_: object, **__: object) -> None:
        try:
            prepare(
                admin_email=settings.ENVIRONMENT.admin_email,
                admin_password=settings.ENVIRONMENT.admin_password,
            )
        except AppError as error:
            sys.exit(f"{error.sentence} {error.way_out}")
        except DatabaseError as error:
            sys.exit(f"PostgreSQL can't be used: {str(error).strip()}\nLook at DATABASE_URL.")
        except RedisError as error:
            sys.exit(f"Redis can't be used: {error}\nLook at REDIS_URL.")
