"""The one task of this worker."""

import threading
import uuid

import pytest

from chatbot.contracts.tasks import RUN_INGEST_JOB, Queue
from ingest_worker.app import app
from ingest_worker.tasks import run_job

pytestmark = pytest.mark.django_db


class TestRunJob:
    def test_has_the_name_that_hints_are_sent_to(self) -> None:
        assert run_job.name == RUN_INGEST_JOB
        assert RUN_INGEST_JOB in app.tasks

    def test_returns_when_the_job_is_gone(self) -> None:
        run_job(job_id=str(uuid.uuid4()))

    def test_waits_for_no_server_itself(self) -> None:
        run_job(job_id=str(uuid.uuid4()), is_fetch=True)

        assert any(thread.name.startswith("fetch") for thread in threading.enumerate())

    def test_takes_keywords_of_a_newer_publisher(self) -> None:
        run_job(job_id=str(uuid.uuid4()), priority=1)

    def test_is_consumed_from_the_queue_of_the_worker_without_being_told(self) -> None:
        assert app.conf.task_default_queue == Queue.INGEST_WORKER
        assert app.conf.task_acks_late is False
        assert app.conf.worker_prefetch_multiplier == 1
