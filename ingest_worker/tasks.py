"""The one task of this worker: a hint that a job is ready."""

from uuid import UUID

from chatbot.contracts.tasks import RUN_INGEST_JOB
from chatbot.documents.services import ingestion
from ingest_worker.app import app, keeper
from ingest_worker.pipeline import PIPELINES


@app.task(name=RUN_INGEST_JOB)
def run_job(*, job_id: str, **_: object) -> None:
    ingestion.run_job(job_id=UUID(job_id), keeper=keeper, pipelines=PIPELINES)
