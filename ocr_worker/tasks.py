"""The one task of this worker: a hint that a job is ready."""

from uuid import UUID

from chatbot.contracts.tasks import RUN_OCR_JOB
from chatbot.documents.services import ingestion
from ocr_worker.app import app, keeper
from ocr_worker.pipeline import PIPELINES


@app.task(name=RUN_OCR_JOB)
def run_job(*, job_id: str, **_: object) -> None:
    ingestion.run_job(job_id=UUID(job_id), keeper=keeper, pipelines=PIPELINES)
