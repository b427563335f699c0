"""`celery -A tests.fakes.scripted_worker.app worker`: a real worker whose reader waits to be told.

Reading ends when the Redis key `GO` is there; `SEEN` lists the documents that it has begun.
"""

import os
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ingest_worker.settings")
django.setup()

from uuid import UUID  # noqa: E402 - Django comes first

from chatbot import jobs  # noqa: E402
from chatbot.contracts.tasks import RUN_INGEST_JOB, Queue, Stage  # noqa: E402
from chatbot.documents.models import PageSource  # noqa: E402
from chatbot.documents.services import ingestion  # noqa: E402
from chatbot.workers import make_keeper, make_worker  # noqa: E402

GO = "tests:go"
SEEN = "tests:seen"

keeper = make_keeper(queue=Queue.INGEST_WORKER)
app = make_worker(keeper=keeper, tasks="tests.fakes.scripted_worker.app", warm_up=list[str])


def open_document(lease: ingestion.Lease) -> None:
    jobs.redis_client().rpush(SEEN, str(lease.claim.version_id))
    while not jobs.redis_client().exists(GO):
        time.sleep(0.02)
        lease.check()
    page = ingestion.ReadPage(number=1, text="Text.", source=PageSource.TEXT_LAYER)
    ingestion.finish_open(lease.claim, media_type="text/plain", labels=[""], pages=[page])


def index_pages(lease: ingestion.Lease) -> None:
    with ingestion.fenced(lease.claim) as held:
        ingestion.record_indexed(held, numbers=[1])
    ingestion.finish_index(lease.claim)


@app.task(name=RUN_INGEST_JOB)
def run_job(*, job_id: str, **_: object) -> None:
    pipelines = {Stage.OPEN: open_document, Stage.INDEX: index_pages}
    ingestion.run_job(job_id=UUID(job_id), keeper=keeper, pipelines=pipelines)
