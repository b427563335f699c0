"""The one task of this worker: a hint that a job is ready."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final
from uuid import UUID

from django.db import connection

from chatbot.contracts.tasks import RUN_INGEST_JOB, Stage
from chatbot.documents.services import ingestion
from ingest_worker.app import app, keeper
from ingest_worker.pipeline import PIPELINES

_FETCHING: Final = {Stage.FETCH: PIPELINES[Stage.FETCH]}
_FETCHES_AT_ONCE: Final = 64
"""Far above what the scheduler lets run, even if all of it comes to one of several workers."""
_fetchers: Final = ThreadPoolExecutor(_FETCHES_AT_ONCE, thread_name_prefix="fetch")


@app.task(name=RUN_INGEST_JOB)
def run_job(*, job_id: str, is_fetch: bool = False, **_: object) -> None:
    if is_fetch:
        # It waits for a server of others, for minutes: the slot is for those who have work.
        _fetchers.submit(_fetch, UUID(job_id))
    else:
        ingestion.run_job(job_id=UUID(job_id), keeper=keeper, pipelines=PIPELINES)


def _fetch(job_id: UUID) -> None:
    """What comes after it needs a slot, and a hint of its own."""
    try:
        ingestion.run_job(job_id=job_id, keeper=keeper, pipelines=_FETCHING)
    finally:
        connection.close()
