"""Retrying, cancelling and deleting documents."""

from functools import partial
from pathlib import Path

import pytest
from django.db import transaction

from chatbot.accounts.models import User
from chatbot.brains.models import Brain, BrainRole
from chatbot.contracts.errors import (
    DOCUMENT_FAULTS,
    AppError,
    Conflict,
    DocumentFault,
    NotAllowed,
    NotFound,
)
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import (
    Document,
    DocumentVersion,
    IngestionJob,
    JobState,
    Page,
    PageSource,
    StoredFile,
    VersionState,
)
from chatbot.documents.services import (
    cancel_document,
    delete_document,
    ingestion,
    reread_document,
    retry_document,
)
from chatbot.documents.services.ingestion.progress import PAGES_OF_STAGE
from chatbot.documents.services.lifecycle import lock_latest
from chatbot.retrieval.models import Chunk
from tests.elsewhere import PATIENCE_SECONDS, begin_elsewhere, elsewhere, wait_for_lock
from tests.factories.accounts import make_user
from tests.factories.brains import add_member, make_brain
from tests.factories.documents import claim, make_document, make_job, upload, version_of
from tests.factories.webhooks import make_webhook
from tests.listening import events_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def brain(user: User) -> Brain:
    return make_brain(owner=user)


def text(number: int) -> ingestion.ReadPage:
    return ingestion.ReadPage(number=number, text=f"Page {number}.", source=PageSource.TEXT_LAYER)


def half_indexed(brain: Brain) -> Document:
    """Of 16 pages all are read and the first 8 indexed; the job of the others has failed."""
    document = make_document(brain)
    opened = claim(make_job(document))
    ingestion.finish_open(
        opened,
        media_type="text/plain",
        labels=[""] * 16,
        pages=[text(number) for number in range(1, 17)],
    )
    first, second = version_of(document).jobs.filter(stage=Stage.INDEX).order_by("page_from")
    indexed = claim(first)
    with ingestion.fenced(indexed) as held:
        ingestion.record_indexed(held, numbers=range(1, 9))
    ingestion.finish_index(indexed)
    ingestion.fail_job(
        claim(second),
        fault=DocumentFault(DOCUMENT_FAULTS["file-broken"], code="file-broken"),
    )
    return document


class TestRetryDocument:
    def test_goes_on_where_it_stopped(
        self, user: User, brain: Brain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(PAGES_OF_STAGE, Stage.INDEX, 8)
        document = half_indexed(brain)

        retry_document(user=user, document_id=document.pk)

        version = version_of(document)
        open_jobs = version.jobs.filter(state=JobState.QUEUED)
        assert (version.state, version.error_code) == (VersionState.READING, "")
        assert (version.pages_total, version.pages_done) == (16, 8)
        assert [(job.stage, job.page_from, job.faults) for job in open_jobs] == [
            (Stage.INDEX, 9, 0)
        ]
        assert version.pages.filter(indexed_at__isnull=False).count() == 8

    def test_takes_up_a_cancelled_document(self, user: User, brain: Brain) -> None:
        document = upload(user, brain).document
        cancel_document(user=user, document_id=document.pk)

        retry_document(user=user, document_id=document.pk)

        version = version_of(document)
        assert version.state == VersionState.RECEIVED
        assert version.finished_at is None
        assert claim(version.jobs.get()).stage is Stage.OPEN

    def test_begins_anew_where_no_text_was_found(self, user: User, brain: Brain) -> None:
        document = make_document(brain)
        ingestion.finish_open(claim(make_job(document)), media_type="text/plain", labels=[])

        retry_document(user=user, document_id=document.pk)

        version = version_of(document)
        job = version.jobs.get()
        assert (version.state, version.pages_total) == (VersionState.RECEIVED, None)
        assert (job.stage, job.state) == (Stage.OPEN, JobState.QUEUED)

    @pytest.mark.parametrize(
        "state",
        [
            VersionState.RECEIVED,
            VersionState.READING,
            VersionState.INDEXING,
            VersionState.READY,
        ],
    )
    def test_is_a_conflict_where_nothing_has_stopped(
        self, state: VersionState, user: User, brain: Brain
    ) -> None:
        document = make_document(brain, state=state)

        with pytest.raises(Conflict) as caught:
            retry_document(user=user, document_id=document.pk)

        assert caught.value.error_code == "document-not-stopped"


class TestCancelDocument:
    def test_ends_the_ingestion_and_keeps_what_is_indexed(self, user: User, brain: Brain) -> None:
        document = make_document(brain)
        opened = claim(make_job(document))

        cancel_document(user=user, document_id=document.pk)

        version = version_of(document)
        assert version.state == VersionState.CANCELLED
        assert version.finished_at is not None
        assert version.jobs.get().state == JobState.CANCELLED
        with pytest.raises(ingestion.LeaseLost):
            ingestion.finish_open(opened, media_type="text/plain", labels=[""])

    @pytest.mark.parametrize(
        "state", [VersionState.READY, VersionState.FAILED, VersionState.CANCELLED]
    )
    def test_is_a_conflict_after_the_end(
        self, state: VersionState, user: User, brain: Brain
    ) -> None:
        document = make_document(brain, state=state)

        with pytest.raises(Conflict) as caught:
            cancel_document(user=user, document_id=document.pk)

        assert caught.value.error_code == "document-finished"


@pytest.mark.django_db(transaction=True)
class TestDeleteDocument:
    @pytest.mark.parametrize("stage", list(Stage))
    def test_leaves_no_row_and_no_file_at_any_stage(
        self, stage: Stage, user: User, brain: Brain, stored: Path
    ) -> None:
        document = upload(user, brain).document
        version = version_of(document)
        Page.objects.create(version=version, number=1, text="A page.")
        Chunk.objects.create(
            brain=brain,
            version=version,
            page_from=1,
            page_to=1,
            ordinal=0,
            start=0,
            end=7,
            text="A page.",
            lexemes="'page':1",
            lexeme_count=1,
        )
        version.jobs.update(stage=stage)
        working = claim(version.jobs.get())

        delete_document(user=user, document_id=document.pk)

        assert [path for path in stored.rglob("*") if path.is_file()] == []
        for model in (Document, DocumentVersion, Page, Chunk, IngestionJob, StoredFile):
            assert not model.objects.exists()
        with pytest.raises(ingestion.LeaseLost), ingestion.fenced(working):
            pass

    def test_tells_the_browsers(self, user: User, brain: Brain) -> None:
        document = upload(user, brain).document

        with events_of(brain) as events:
            delete_document(user=user, document_id=document.pk)

        assert [(event["document"], event["deleted"]) for event in events] == [
            (str(document.pk), True)
        ]

    @pytest.mark.django_db(transaction=True)
    def test_tells_once_of_two_who_do_it_at_once(self, user: User, brain: Brain) -> None:
        webhook = make_webhook(brain)
        document = make_document(brain)
        delete = partial(delete_document, user=user, document_id=document.pk)

        with transaction.atomic():
            delete()
            second = begin_elsewhere(delete)
            wait_for_lock()
        with pytest.raises(NotFound):
            second.result(PATIENCE_SECONDS)

        assert [delivery.event for delivery in webhook.deliveries.all()] == ["document.deleted"]

    def test_lets_the_same_bytes_in_again(self, user: User, brain: Brain) -> None:
        first = upload(user, brain, b"The same").document
        delete_document(user=user, document_id=first.pk)

        second = upload(user, brain, b"The same")

        assert second.created


class TestLockLatest:
    @pytest.mark.django_db(transaction=True)
    def test_holds_a_reading_that_was_begun_while_it_waited(self, user: User, brain: Brain) -> None:
        document = make_document(brain, state=VersionState.READY, pages=["Some text."])

        @transaction.atomic
        def lock() -> tuple[int, list[int]]:
            return lock_latest(document).number, elsewhere(free_versions)

        @transaction.atomic
        def free_versions() -> list[int]:
            versions = DocumentVersion.objects.select_for_update(skip_locked=True)
            return list(versions.values_list("number", flat=True))

        with transaction.atomic():
            reread_document(user=user, document_id=document.pk)
            locked = begin_elsewhere(lock)
            wait_for_lock()

        assert locked.result(PATIENCE_SECONDS) == (2, [])


@pytest.mark.parametrize("service", [retry_document, cancel_document, delete_document])
@pytest.mark.parametrize(
    ("role", "error"),
    [(None, NotFound), (BrainRole.VIEWER, NotAllowed)],
    ids=["stranger", "viewer"],
)
class TestChangingADocument:
    def test_needs_an_editor(
        self, service: object, role: BrainRole | None, error: type[AppError], brain: Brain
    ) -> None:
        document = make_document(brain)
        somebody = make_user()
        _ = [add_member(brain, somebody, given) for given in [role] if given]
        assert callable(service)

        with pytest.raises(error):
            service(user=somebody, document_id=document.pk)

        assert Document.objects.filter(pk=document.pk).exists()
