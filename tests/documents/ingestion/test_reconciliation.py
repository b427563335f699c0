"""What no event repaired."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from chatbot.brains.models import Brain
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import (
    Document,
    DocumentVersion,
    IngestionJob,
    JobState,
    Page,
    PageSource,
    VersionState,
)
from chatbot.documents.services import ingestion
from tests.factories.documents import make_document, make_job, version_of

pytestmark = pytest.mark.django_db


def grow_old(document: Document) -> None:
    DocumentVersion.objects.filter(document=document).update(
        created_at=Now() - timedelta(minutes=1)
    )


class TestRepairVersions:
    def test_opens_a_document_that_has_no_job(self, brain: Brain) -> None:
        document = make_document(brain)
        grow_old(document)

        repaired = ingestion.repair_versions()

        job = version_of(document).jobs.get()
        assert repaired == 1
        assert (job.stage, job.state) == (Stage.OPEN, JobState.QUEUED)

    def test_ends_a_document_whose_last_job_did_not(self, brain: Brain) -> None:
        document = make_document(brain, state=VersionState.INDEXING, pages=["Text."])
        Page.objects.filter(version=version_of(document)).update(indexed_at=Now())
        grow_old(document)

        ingestion.repair_versions()

        assert version_of(document).state == VersionState.READY

    def test_plans_pages_that_fell_out(self, brain: Brain) -> None:
        document = make_document(
            brain, state=VersionState.READING, pages=["one", "two", "three", "four"]
        )
        reading = make_job(document, stage=Stage.READ, pages=(1, 4))
        IngestionJob.objects.filter(pk=reading.pk).update(state=JobState.DONE)
        pages = version_of(document).pages
        pages.filter(number=2).update(read_at=None)
        pages.filter(number=3).update(read_at=None, source=PageSource.OCR)
        pages.filter(number=4).update(indexed_at=Now())
        grow_old(document)

        ingestion.repair_versions()

        jobs = version_of(document).jobs.filter(state=JobState.QUEUED).order_by("page_from")
        assert [(job.stage, job.page_from, job.page_to) for job in jobs] == [
            (Stage.INDEX, 1, 1),
            (Stage.READ, 2, 2),
            (Stage.OCR, 3, 3),
        ]

    def test_leaves_alone_what_is_new_or_has_work(self, brain: Brain) -> None:
        make_document(brain)

        assert ingestion.repair_versions() == 0
