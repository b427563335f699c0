"""`python -m chatbot.embedded.prepare`: runs once at each start, before the processes.

Migrations, the endpoints that the environment names, static files, the first administrator, and a
brain to try things out with.
"""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbot.settings.chatbot")
django.setup()

from django.db import DatabaseError  # noqa: E402 - Django comes first
from redis.exceptions import RedisError  # noqa: E402

from chatbot.contracts.errors import AppError  # noqa: E402
from chatbot.embedded.preparation import prepare  # noqa: E402

if __name__ == "__main__":
    try:
        prepare(
            admin_email=os.environ["BRAINSTEM_ADMIN_EMAIL"],
            admin_password=os.environ["BRAINSTEM_ADMIN_PASSWORD"],
        )
    except AppError as error:
        sys.exit(f"{error.sentence} {error.way_out}")
    except DatabaseError as error:
        sys.exit(f"PostgreSQL can't be used: {str(error).strip()}\nLook at DATABASE_URL.")
    except RedisError as error:
        sys.exit(f"Redis can't be used: {error}\nLook at REDIS_URL.")
