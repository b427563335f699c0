"""Nothing is lost and nothing is done twice, whoever dies."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db.models import Count

from chatbot.accounts.models import User
from chatbot.documents.models import (
    Document,
    DocumentVersion,
    IngestionJob,
    JobState,
    Page,
    VersionState,
)
from chatbot.documents.services import delete_document
from chatbot.retrieval.models import Chunk
from tests.documents.ingestion.chaos import Chaos
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import make_document, make_job, version_of

PAGES = (1, 2, 9, 40, 130)


def delete_slowly(user: User, documents: list[Document]) -> None:
    for document in documents:
        time.sleep(0.2)
        delete_document(user=user, document_id=document.pk)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestIngestion:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_ends_ready_with_each_page_indexed_once(self, seed: int) -> None:
        brain = make_brain(owner=make_user())
        documents = [make_document(brain) for _ in PAGES]
        _ = [make_job(document) for document in documents]
        versions = [version_of(document) for document in documents]
        pages = {version.pk: count for version, count in zip(versions, PAGES, strict=True)}

        Chaos(seed, pages=pages).run()

        ended = [version_of(document) for document in documents]
        chunks = Chunk.objects.values("version").annotate(count=Count("pk"))
        assert [version.state for version in ended] == [VersionState.READY] * len(PAGES)
        assert [version.pages_done for version in ended] == list(PAGES)
        assert {row["version"]: row["count"] for row in chunks} == pages
        assert not IngestionJob.objects.exclude(state=JobState.DONE).exists()
        assert IngestionJob.objects.filter(deaths__gt=0).exists()

    @pytest.mark.parametrize("seed", [4, 5])
    def test_leaves_nothing_of_documents_that_are_deleted_meanwhile(self, seed: int) -> None:
        owner = make_user()
        brain = make_brain(owner=owner)
        documents = [make_document(brain) for _ in range(12)]
        _ = [make_job(document) for document in documents]
        pages = {version_of(document).pk: 60 for document in documents}

        with ThreadPoolExecutor(1) as threads:
            working = threads.submit(Chaos(seed, pages=pages).run)
            delete_slowly(owner, documents)
            working.result()

        for model in (Document, DocumentVersion, Page, Chunk, IngestionJob):
            assert not model.objects.exists()
