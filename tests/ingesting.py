"""Both workers' pipelines, run in the test's own process until there is nothing left to do."""

from collections.abc import Mapping

from chatbot.contracts.tasks import QUEUE_OF_STAGE, Queue, Stage
from chatbot.documents.models import Document, DocumentVersion, IngestionJob, JobState
from chatbot.documents.services import ingestion
from ingest_worker import pipeline as ingest_pipeline
from ocr_worker import pipeline as ocr_pipeline
from tests.factories.documents import version_of

PIPELINES: Mapping[Queue, Mapping[Stage, ingestion.Pipeline]] = {
    Queue.INGEST_WORKER: ingest_pipeline.PIPELINES,
    Queue.OCR_WORKER: ocr_pipeline.PIPELINES,
}
_JOBS = 200


def run_next(document: Document) -> bool:
    """Runs a job that is due; False: there is none."""
    job = (
        IngestionJob.objects.filter(version__document=document, state=JobState.QUEUED)
        .order_by("run_after", "page_from")
        .first()
    )
    if job is None:
        return False
    queue = QUEUE_OF_STAGE[Stage(job.stage)]
    keeper = ingestion.LeaseKeeper(queue=queue, worker="test")
    ingestion.run_job(job_id=job.pk, keeper=keeper, pipelines=PIPELINES[queue])
    job.refresh_from_db()
    return job.state != JobState.QUEUED


def ingest(document: Document) -> DocumentVersion:
    """Runs until the document has ended, or has to wait."""
    for _ in range(_JOBS):
        if not run_next(document):
            break
    return version_of(document)
