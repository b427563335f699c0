"""Celery messages. A message is a hint that a row has work; the row is the work.

Body: keywords only, `{"job_id": "<uuid>", "is_fetch": false}`. Tasks accept and ignore
unknown keywords, so that an old worker survives a new publisher.
"""

from enum import StrEnum
from typing import Final


class Queue(StrEnum):
    """Celery queues, one per worker process."""

    OCR_WORKER = "ocr_worker"
    INGEST_WORKER = "ingest_worker"


RUN_OCR_JOB: Final = "ocr_worker.run_job"
RUN_INGEST_JOB: Final = "ingest_worker.run_job"


class Stage(StrEnum):
    """Stages of an ingestion; each job row is one stage on one range of pages."""

    FETCH = "fetch"
    """Get the file from the address that was given, store it, plan `open`. Ingest worker."""
    OPEN = "open"
    """Detect the type, count the pages, plan the rest. Ingest worker."""
    READ = "read"
    """Text of a range of pages; plans OCR for those without. Ingest worker."""
    OCR = "ocr"
    """Text of scanned pages. OCR worker."""
    INDEX = "index"
    """Chunk, embed and store a range of pages. Ingest worker."""


QUEUE_OF_STAGE: Final[dict[Stage, Queue]] = {
    Stage.FETCH: Queue.INGEST_WORKER,
    Stage.OPEN: Queue.INGEST_WORKER,
    Stage.READ: Queue.INGEST_WORKER,
    Stage.OCR: Queue.OCR_WORKER,
    Stage.INDEX: Queue.INGEST_WORKER,
}
TASK_OF_QUEUE: Final[dict[Queue, str]] = {
    Queue.OCR_WORKER: RUN_OCR_JOB,
    Queue.INGEST_WORKER: RUN_INGEST_JOB,
}
