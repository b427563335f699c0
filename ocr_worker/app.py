"""`celery -A ocr_worker.app worker`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocr_worker.settings")
django.setup()

from chatbot.contracts.tasks import Queue  # noqa: E402 - Django comes first
from chatbot.workers import make_keeper, make_worker  # noqa: E402
from ocr_worker import sandbox  # noqa: E402

keeper = make_keeper(queue=Queue.OCR_WORKER)
app = make_worker(keeper=keeper, tasks="ocr_worker.tasks", warm_up=sandbox.start)
