"""Nothing is lost and nothing is done twice, whoever dies."""

import pytest
from django.db.models import Count

from chatbot.documents.models import IngestionJob, JobState, VersionState
from chatbot.retrieval.models import Chunk
from tests.documents.ingestion.chaos import Chaos
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import make_document, make_job, version_of

PAGES = (1, 2, 9, 40, 130)


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
