"""`celery -A ingest_worker.app worker`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ingest_worker.settings")
django.setup()

from chatbot.contracts.tasks import Queue  # noqa: E402 - Django comes first
from chatbot.workers import make_keeper, make_worker  # noqa: E402
from ingest_worker import sandbox  # noqa: E402

keeper = make_keeper(queue=Queue.INGEST_WORKER)
app = make_worker(keeper=keeper, tasks="ingest_worker.tasks", warm_up=sandbox.start)
