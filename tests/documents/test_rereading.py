"""A document is read again: what is there stays until the new text takes its place."""

from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db.models.functions import Now

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.contracts.errors import Conflict, InvalidInput
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import (
    Document,
    DocumentVersion,
    IngestionJob,
    Page,
    PageSource,
    VersionState,
)
from chatbot.documents.services import (
    cancel_document,
    delete_document,
    ingestion,
    reread_document,
    retry_document,
)
from chatbot.documents.services.ingestion import ReadPage
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import claim, upload, version_of
from tests.listening import events_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stored")]


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def brain(user: User) -> Brain:
    return make_brain(owner=user)


@pytest.fixture
def document(user: User, brain: Brain) -> Document:
    """Ready, with one page."""
    document = upload(user, brain).document
    read(version_of(document), "The old text.")
    return Document.objects.get(pk=document.pk)


def read(version: DocumentVersion, text: str) -> None:
    """All that workers do for a document of one page."""
    opened = claim(version.jobs.get(stage=Stage.OPEN))
    page = ReadPage(1, text, PageSource.TEXT_LAYER)
    ingestion.finish_open(opened, media_type="text/plain", labels=[""], pages=[page])
    indexed = claim(version.jobs.get(stage=Stage.INDEX))
    with ingestion.fenced(indexed) as held:
        ingestion.record_indexed(held, numbers=[1])
    ingestion.finish_index(indexed)


def again(document: Document) -> DocumentVersion:
    document.refresh_from_db()
    assert document.next_version is not None
    return document.next_version


def make_old() -> None:
    DocumentVersion.objects.update(created_at=Now() - timedelta(minutes=1))


class TestRereadDocument:
    def test_leaves_what_is_there_until_it_has_ended(self, user: User, document: Document) -> None:
        before = version_of(document)

        reread_document(user=user, document_id=document.pk)

        document.refresh_from_db()
        assert document.current_version == before
        assert version_of(document).state == VersionState.READY
        assert (again(document).number, again(document).state) == (2, VersionState.RECEIVED)
        assert again(document).storage_name == before.storage_name

    def test_takes_over_at_its_end(self, user: User, document: Document) -> None:
        reread_document(user=user, document_id=document.pk)
        new = again(document)

        read(new, "The new text.")

        document.refresh_from_db()
        assert (document.current_version, document.next_version) == (new, None)
        assert version_of(document).state == VersionState.READY

    def test_does_not_take_over_where_it_finds_nothing(
        self, user: User, document: Document
    ) -> None:
        reread_document(user=user, document_id=document.pk)

        read(again(document), "")

        assert version_of(document).state == VersionState.READY
        assert (again(document).state, again(document).error_code) == ("failed", "no-text")

    def test_remembers_the_engine(self, user: User, document: Document) -> None:
        reread_document(user=user, document_id=document.pk, engine="tesseract")

        assert claim(again(document).jobs.get()).engine == "tesseract"

    def test_refuses_an_engine_that_is_not_set_up(self, user: User, document: Document) -> None:
        with pytest.raises(InvalidInput) as caught:
            reread_document(user=user, document_id=document.pk, engine="rapidocr")

        document.refresh_from_db()
        assert caught.value.error_code == "ocr-engine-not-set-up"
        assert caught.value.way_out == "Ask for one of: tesseract."
        assert document.next_version is None

    def test_waits_for_the_reading_before_it(self, user: User, document: Document) -> None:
        reread_document(user=user, document_id=document.pk)

        with pytest.raises(Conflict) as caught:
            reread_document(user=user, document_id=document.pk)

        assert caught.value.error_code == "document-unfinished"

    def test_begins_anew_where_it_failed(self, user: User, document: Document) -> None:
        reread_document(user=user, document_id=document.pk)
        read(again(document), "")

        reread_document(user=user, document_id=document.pk)

        assert (again(document).number, again(document).state) == (3, VersionState.RECEIVED)

    @pytest.mark.django_db(transaction=True)
    def test_tells_the_browsers(self, user: User, brain: Brain, document: Document) -> None:
        with events_of(brain) as events:
            reread_document(user=user, document_id=document.pk)

        assert [(event["state"], event["next"]) for event in events] == [
            ("ready", {"state": "received", "pages_total": None, "pages_done": 0, "error": None})
        ]


class TestWhatElseIsDone:
    def test_cancelling_drops_the_new_reading(self, user: User, document: Document) -> None:
        reread_document(user=user, document_id=document.pk)

        cancel_document(user=user, document_id=document.pk)

        document.refresh_from_db()
        assert document.next_version is None
        assert version_of(document).state == VersionState.READY

    @pytest.mark.django_db(transaction=True)
    def test_cancelling_tells_the_browsers_that_the_document_stays(
        self, user: User, brain: Brain, document: Document
    ) -> None:
        reread_document(user=user, document_id=document.pk)

        with events_of(brain) as events:
            cancel_document(user=user, document_id=document.pk)

        assert [(event["state"], event["next"]) for event in events] == [("ready", None)]

    def test_cancelling_dismisses_a_reading_that_failed(
        self, user: User, document: Document
    ) -> None:
        reread_document(user=user, document_id=document.pk)
        read(again(document), "")

        cancel_document(user=user, document_id=document.pk)

        document.refresh_from_db()
        assert document.next_version is None

    def test_retrying_goes_on_with_the_new_reading(self, user: User, document: Document) -> None:
        reread_document(user=user, document_id=document.pk)
        read(again(document), "")

        retry_document(user=user, document_id=document.pk)

        assert again(document).state == VersionState.RECEIVED
        assert version_of(document).state == VersionState.READY

    @pytest.mark.django_db(transaction=True)
    def test_deleting_takes_both_along(self, user: User, document: Document) -> None:
        name = version_of(document).storage_name
        reread_document(user=user, document_id=document.pk)

        delete_document(user=user, document_id=document.pk)

        assert not DocumentVersion.objects.exists()
        assert not default_storage.exists(name)


class TestRemoveSuperseded:
    def test_removes_what_was_read_before(self, user: User, document: Document) -> None:
        old = version_of(document)
        reread_document(user=user, document_id=document.pk)
        read(again(document), "The new text.")
        make_old()

        assert ingestion.remove_superseded() == 1

        assert not DocumentVersion.objects.filter(pk=old.pk).exists()
        assert not IngestionJob.objects.filter(version_id=old.pk).exists()
        assert Page.objects.get().text == "The new text."
        assert default_storage.exists(old.storage_name)

    def test_leaves_what_is_needed(self, user: User, document: Document) -> None:
        reread_document(user=user, document_id=document.pk)
        make_old()

        assert ingestion.remove_superseded() == 0

    def test_leaves_what_is_just_being_made(self, document: Document) -> None:
        DocumentVersion.objects.create(document=document, number=2, storage_name="x")

        assert ingestion.remove_superseded() == 0
