"""What is done with many documents at once."""

from typing import Any

import pytest

from chatbot.brains.models import Brain
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import Document, DocumentVersion, IngestionJob, JobState, VersionState
from chatbot.documents.services import bulk, ingestion
from tests.elsewhere import PATIENCE_SECONDS, begin_elsewhere, elsewhere, wait_until
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import claim, make_document, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def brain() -> Brain:
    return make_brain(owner=make_user())


def make_failed(brain: Brain, count: int) -> None:
    """Documents whose one job has failed."""
    for _ in range(count):
        make_job(make_document(brain, state=VersionState.FAILED))
    IngestionJob.objects.update(state=JobState.FAILED, faults=3)


class TestRetryFailed:
    def test_goes_on_chunk_by_chunk(self, brain: Brain, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bulk, "AT_ONCE", 2)
        make_failed(brain, 5)

        changed = bulk.retry_failed(Document.objects.filter(brain=brain))

        assert changed == bulk.Changed(5, has_more=False)
        assert IngestionJob.objects.filter(state=JobState.QUEUED, faults=0).count() == 5

    def test_says_that_there_is_more_when_the_time_is_up(
        self, brain: Brain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bulk, "AT_ONCE", 2)
        monkeypatch.setattr(bulk, "CALL_SECONDS", 0.0)
        make_failed(brain, 5)

        changed = bulk.retry_failed(Document.objects.filter(brain=brain))

        assert changed == bulk.Changed(2, has_more=True)

    def test_takes_as_many_statements_for_many_as_for_few(
        self,
        brain: Brain,
        django_assert_max_num_queries: Any,  # noqa: ANN401 - no name for its type
    ) -> None:
        make_failed(brain, 50)

        with django_assert_max_num_queries(12):
            changed = bulk.retry_failed(Document.objects.filter(brain=brain))

        assert changed.count == 50

    def test_begins_anew_where_there_is_nothing_to_go_on_with(self, brain: Brain) -> None:
        make_document(brain, state=VersionState.FAILED, pages=["Some text."])

        bulk.retry_failed(Document.objects.filter(brain=brain))

        version = DocumentVersion.objects.get()
        assert (version.state, version.pages_total) == (VersionState.RECEIVED, None)
        assert [job.stage for job in version.jobs.all()] == [Stage.OPEN]

    def test_leaves_alone_what_has_not_failed(self, brain: Brain) -> None:
        make_document(brain, state=VersionState.READY)
        make_document(brain, state=VersionState.CANCELLED)

        changed = bulk.retry_failed(Document.objects.filter(brain=brain))

        assert changed == bulk.Changed(0, has_more=False)


@pytest.mark.django_db(transaction=True)
class TestCancelUnfinished:
    def test_comes_back_to_what_a_worker_holds_at_the_moment(self, brain: Brain) -> None:
        claimed = claim(make_job(make_document(brain)))
        make_document(brain)
        documents = Document.objects.filter(brain=brain)

        with ingestion.fenced(claimed):
            cancelling = begin_elsewhere(lambda: bulk.cancel_unfinished(documents.all()))
            wait_until(lambda: DocumentVersion.objects.filter(state="cancelled").exists())
        changed = cancelling.result(PATIENCE_SECONDS)

        assert changed == bulk.Changed(2, has_more=False)
        assert not DocumentVersion.objects.exclude(state="cancelled").exists()

    def test_says_so_when_it_is_held_for_longer(
        self, brain: Brain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bulk, "CALL_SECONDS", 0.0)
        claimed = claim(make_job(make_document(brain)))

        with ingestion.fenced(claimed):
            changed = elsewhere(lambda: bulk.cancel_unfinished(Document.objects.all()))

        assert changed == bulk.Changed(0, has_more=True)
