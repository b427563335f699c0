"""Events are written down in the transaction in which they happen."""

from typing import Any

import pytest
from django.db import transaction

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.brains.services import delete_brain
from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import (
    Document,
    DocumentVersion,
    JobState,
    PageSource,
    VersionState,
)
from chatbot.documents.services import (
    cancel_document,
    delete_document,
    ingestion,
    reread_document,
)
from chatbot.documents.services.news import announce_end
from chatbot.webhooks.models import Delivery, Webhook, WebhookEvent
from tests.elsewhere import PATIENCE_SECONDS, begin_elsewhere, wait_for_lock
from tests.factories.brains import make_brain
from tests.factories.documents import claim, make_document, make_job, version_of
from tests.factories.webhooks import make_delivery, make_webhook

pytestmark = pytest.mark.django_db


def events(webhook: Webhook) -> list[tuple[str, str]]:
    """What happened to which document, in order."""
    found = webhook.deliveries.order_by("created_at")
    return [(delivery.event, delivery.data["document"]) for delivery in found]


def read(document: Document) -> None:
    """Opens and indexes what is to be read now: a page with text."""
    version = document.versions.latest("number")
    page = ingestion.ReadPage(number=1, text="A secret plan.", source=PageSource.TEXT_LAYER)
    opened = claim(version.jobs.get(stage=Stage.OPEN))
    ingestion.finish_open(opened, media_type="text/plain", labels=[""], pages=[page])
    indexed = claim(version.jobs.get(stage=Stage.INDEX, state=JobState.QUEUED))
    with ingestion.fenced(indexed) as held:
        ingestion.record_indexed(held, numbers=[1])
    ingestion.finish_index(indexed)


def cancelled(version: DocumentVersion) -> DocumentVersion:
    version.state = VersionState.CANCELLED
    return version


def received(brain: Brain) -> Document:
    document = make_document(brain, title="Plan")
    make_job(document)
    return document


class TestDocumentEvents:
    def test_tell_once_that_a_document_is_ready_and_nothing_of_its_text(self, brain: Brain) -> None:
        webhook = make_webhook(brain)
        document = received(brain)

        read(document)

        delivery = webhook.deliveries.get()
        assert delivery.event == "document.ready"
        assert delivery.data == {
            "brain": str(brain.pk),
            "document": str(document.pk),
            "version": str(version_of(document).pk),
            "title": "Plan",
            "state": "ready",
            "pages_total": 1,
            "pages_done": 1,
            "error": None,
        }

    def test_tell_why_a_document_failed(self, brain: Brain) -> None:
        webhook = make_webhook(brain)
        job = make_job(make_document(brain))

        ingestion.fail_job(claim(job), fault=DocumentFault("Broken.", code="file-broken"))

        delivery = webhook.deliveries.get()
        assert delivery.event == "document.failed"
        assert delivery.data["error"]["code"] == "file-broken"
        assert "damaged" in delivery.data["error"]["sentence"]

    def test_tell_of_a_document_that_is_read_again_too(self, user: User, brain: Brain) -> None:
        document = received(brain)
        read(document)
        webhook = make_webhook(brain)

        reread_document(user=user, document_id=document.pk)
        read(document)

        assert events(webhook) == [("document.ready", str(document.pk))]
        assert webhook.deliveries.get().data["version"] == str(version_of(document).pk)

    def test_tell_that_a_document_was_cancelled_or_deleted(self, user: User, brain: Brain) -> None:
        webhook = make_webhook(brain)
        document = received(brain)

        cancel_document(user=user, document_id=document.pk)
        delete_document(user=user, document_id=document.pk)

        name = str(document.pk)
        assert events(webhook) == [("document.cancelled", name), ("document.deleted", name)]

    def test_tell_once_of_a_reading_that_failed_and_was_then_dropped(
        self, user: User, brain: Brain
    ) -> None:
        document = make_document(brain, state=VersionState.READY, pages=["Text."])
        webhook = make_webhook(brain)
        reread_document(user=user, document_id=document.pk)
        job = document.versions.latest("number").jobs.get()
        ingestion.fail_job(claim(job), fault=DocumentFault("Broken.", code="file-broken"))

        cancel_document(user=user, document_id=document.pk)

        assert events(webhook) == [("document.failed", str(document.pk))]


class TestRecordEvent:
    def test_is_rolled_back_with_what_happened(self, user: User, brain: Brain) -> None:
        webhook = make_webhook(brain)
        document = received(brain)

        with transaction.atomic():
            cancel_document(user=user, document_id=document.pk)
            noted = webhook.deliveries.count()
            transaction.set_rollback(True)

        assert noted == 1
        assert version_of(document).state == VersionState.RECEIVED
        assert not webhook.deliveries.exists()

    def test_asks_only_those_who_want_it(self, user: User, brain: Brain) -> None:
        make_webhook(make_brain(owner=user))
        make_webhook(brain, events=[WebhookEvent.DOCUMENT_READY])
        Webhook.objects.filter(pk=make_webhook(brain).pk).update(is_enabled=False)
        wanting = [make_webhook(brain) for _ in range(2)]
        document = received(brain)

        cancel_document(user=user, document_id=document.pk)

        assert set(Delivery.objects.values_list("webhook", flat=True)) == {
            webhook.pk for webhook in wanting
        }


class TestBrain:
    def test_goes_with_its_webhooks_and_tells_nobody(self, user: User, brain: Brain) -> None:
        make_delivery(make_webhook(brain))
        received(brain)

        delete_brain(user=user, brain_id=brain.pk)

        left: list[Any] = [*Webhook.objects.all(), *Delivery.objects.all()]
        assert left == []

    @pytest.mark.django_db(transaction=True)
    def test_goes_while_one_of_its_documents_ends(self, user: User, brain: Brain) -> None:
        make_webhook(brain)
        job = claim(make_job(make_document(brain)))

        with ingestion.fenced(job) as held:
            going = begin_elsewhere(lambda: delete_brain(user=user, brain_id=brain.pk))
            wait_for_lock()
            announce_end(cancelled(held.version))
        going.result(PATIENCE_SECONDS)

        assert not Webhook.objects.exists()
