"""Figures of ingestion for Prometheus."""

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.tasks import Queue
from chatbot.documents.services import ingestion
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import claim, make_document, make_job
from tests.factories.webhooks import make_delivery, make_webhook

pytestmark = pytest.mark.django_db


def figures(client: Client) -> dict[tuple[str, ...], float]:
    """Values by the short name and the values of the labels, in the order of their names."""
    families = text_string_to_metric_families(client.get("/metrics").content.decode())
    return {
        (sample.name.removeprefix("brainstem_ingest_"), *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


class TestFigures:
    def test_tell_the_queue(self, client: Client) -> None:
        brain = make_brain(owner=make_user())
        make_job(make_document(brain))
        claim(make_job(make_document(brain)))

        found = figures(client)

        assert found["jobs", "open", "ready"] == 1
        assert found["jobs", "open", "running"] == 1
        assert found["jobs", "ocr", "ready"] == 0
        assert found["oldest_job_seconds", "open"] >= 0
        assert found["documents", "reading"] == 1

    def test_tell_the_workers(self, client: Client) -> None:
        ingestion.tell_alive(name="host:1", queue=Queue.OCR_WORKER, slots=2)

        found = figures(client)

        assert found["workers", "ocr_worker", "alive"] == 1
        assert found["workers", "ingest_worker", "alive"] == 0
        assert found["slots", "ocr_worker"] == 2

    def test_tell_what_webhooks_wait_for(self, client: Client) -> None:
        make_delivery(make_webhook(make_brain(owner=make_user())))

        found = figures(client)

        assert found["brainstem_webhook_pending_deliveries",] == 1
        assert found["brainstem_webhook_oldest_delivery_seconds",] >= 0
        assert found["brainstem_webhook_disabled",] == 0

    def test_tell_what_has_failed(self, client: Client) -> None:
        job = make_job(make_document(make_brain(owner=make_user())))
        ingestion.fail_job(claim(job), fault=DocumentFault("Broken.", code="file-broken"))

        found = figures(client)

        assert found["failed_documents", "file-broken"] == 1
        assert found["attempts", "fault", "open"] == 1
        assert found["attempt_seconds", "fault", "open"] >= 0


class TestReaders:
    def test_need_the_token_where_there_is_one(self, client: Client, settings: Settings) -> None:
        settings.METRICS_TOKEN = "a token of some length"  # noqa: S105 - of this test

        with_token = {"Authorization": "Bearer a token of some length"}
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers=with_token).status_code == 200

    def test_are_on_this_machine_where_there_is_none(self, client: Client) -> None:
        assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 403
        assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 403
        assert client.get("/metrics").status_code == 200
