"""How a worker runs one job: claim, work, and a place for everything that can go wrong."""

import logging
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from django.db import close_old_connections

from chatbot.contracts.errors import DOCUMENT_FAULTS, DocumentFault, Unavailable
from chatbot.contracts.tasks import Stage
from chatbot.documents.services.ingestion.claims import (
    Claim,
    LeaseLost,
    claim_job,
    claim_next,
    release_job,
)
from chatbot.documents.services.ingestion.faults import count_death, delay_job, fail_job
from chatbot.documents.services.ingestion.leases import AWAY, Lease, LeaseKeeper, WorkerStopping

logger = logging.getLogger(__name__)

Pipeline = Callable[[Lease], None]
"""Does a stage's work and finishes the job; checks its lease between steps."""

TOGETHER_SECONDS: Final = 1.0
"""For the jobs of one document in a row; the last one may take longer."""
READER_DIED: Final = "reader-died"
"""`Unavailable` with this code: the child that read the document was killed by the system."""


class JobUnfinished(Exception):
    """What is done is stored; the rest is for a later claim, so that others get their turn."""


def run_job(*, job_id: UUID, keeper: LeaseKeeper, pipelines: Mapping[Stage, Pipeline]) -> None:
    """Runs a job if it is there to be claimed. Never raises for what a job can meet.

    What comes next for the same short document is run at once: it ends without waiting for a hint
    at every stage, and nobody else waits longer than for one long job.
    """
    close_old_connections()
    began = time.monotonic()
    try:
        claim = None if keeper.is_stopping else claim_job(job_id=job_id, worker=keeper.worker)
        while claim is not None:
            with keeper.hold(claim) as lease:
                _work(lease, pipelines[claim.stage])
            if keeper.is_stopping or time.monotonic() - began > TOGETHER_SECONDS:
                break
            claim = claim_next(claim, stages=pipelines.keys(), worker=keeper.worker)
    except LeaseLost:
        logger.info("job %s is no longer ours", job_id)
    except AWAY as error:
        # The lease ends by itself, and the work is claimed again.
        logger.warning("job %s is left to its lease: %s", job_id, type(error).__name__)
    finally:
        close_old_connections()


def _work(lease: Lease, pipeline: Pipeline) -> None:
    claim = lease.claim
    try:
        lease.check()
        pipeline(lease)
    except (JobUnfinished, WorkerStopping):
        release_job(claim)
    except DocumentFault as fault:
        logger.info("job %s failed: %s", claim.job_id, fault.error_code)
        fail_job(claim, fault=fault, detail=fault.detail)
    except Unavailable as error:
        _put_off(claim, error)
    except (LeaseLost, *AWAY):
        raise
    except Exception as error:  # noqa: BLE001 - a bug on one document must not stop the others
        _count_bug(claim, error)


def _put_off(claim: Claim, error: Unavailable) -> None:
    if error.error_code == READER_DIED:
        count_death(claim, error=error)
        return
    seconds = delay_job(claim, error=error)
    logger.info("job %s waits %.0f s: %s", claim.job_id, seconds, error.error_code)


def _count_bug(claim: Claim, error: Exception) -> None:
    """Only types and lines are logged and kept: messages may quote the document."""
    places = traceback.extract_tb(error.__traceback__)[-5:]
    detail = "\n".join(
        [type(error).__name__, *(f"{place.filename}:{place.lineno}" for place in places)]
    )
    code = "parser-crashed"
    fail_job(claim, fault=DocumentFault(DOCUMENT_FAULTS[code], code=code), detail=detail)
    logger.error("job %s broke: %s", claim.job_id, detail)
