"""`python -m chatbot.embedded.prepare`: runs once at each start, before the processes.

Migrations, the endpoints that the environment names, static files, the first administrator, and a
brain to try things out with.
"""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbot.settings.chatbot")
django.setup()

from chatbot.contracts.errors import AppError  # noqa: E402 - Django comes first
from chatbot.embedded.preparation import prepare  # noqa: E402

if __name__ == "__main__":
    try:
        prepare(
            admin_email=os.environ["BRAINSTEM_ADMIN_EMAIL"],
            admin_password=os.environ["BRAINSTEM_ADMIN_PASSWORD"],
        )
    except AppError as error:
        sys.exit(f"{error.sentence} {error.way_out}")
