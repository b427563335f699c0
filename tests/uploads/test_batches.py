"""Batches whose items the worker fetches."""

import threading
from functools import partial

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.brains.services import delete_brain
from chatbot.contracts.errors import NotFound
from chatbot.documents.models import Document, VersionState
from chatbot.documents.services import UploadResult, bulk
from chatbot.documents.services.repairs import remove_document
from chatbot.outbound.addresses import PrivateHosts
from chatbot.uploads.models import (
    Batch,
    BatchItem,
    ItemResult,
    Upload,
    UploadPart,
    UploadState,
)
from chatbot.uploads.selectors import batch_items
from chatbot.uploads.services.batches import NewItem, cancel_batch, create_batch, retry_batch
from chatbot.uploads.services.finishing import finish_upload
from chatbot.uploads.services.items import BatchCancelled, mark_received
from chatbot.uploads.services.receiving import NewUpload, create_upload
from tests.elsewhere import PATIENCE_SECONDS, begin_elsewhere, elsewhere, wait_for_lock
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import make_document, upload, version_of
from tests.factories.uploads import begin_upload, make_batch, send
from tests.fakes.web_server import running_web_server
from tests.ingesting import run_next

pytestmark = pytest.mark.django_db(transaction=True)


def owner_of(batch: Batch) -> User:
    assert batch.created_by is not None
    return batch.created_by


def finish(upload: Upload, content: bytes) -> Upload:
    send(upload, content)
    return finish_upload(user=upload.user, upload_id=upload.pk)


class TestBatchOfAddresses:
    def test_ends_with_a_result_for_each(self, settings: Settings) -> None:
        settings.OUTBOUND_PRIVATE_HOSTS = PrivateHosts.of(["127.0.0.1"])
        user = make_user()
        with running_web_server() as server:
            server.gives("/good.txt", b"A text.")
            server.gives("/same.txt", b"A text.")
            server.gives("/later.txt", b"", status="404 Not Found")
            server.gives("/later.txt", b"Another text.")
            names = ("good", "same", "later")
            items = [NewItem(ref=name, url=server.url(f"/{name}.txt")) for name in names]
            batch = make_batch(user, make_brain(owner=user), *items)
            made = {item.ref: item.document for item in batch_items(batch=batch) if item.document}
            first = {}
            for ref, document in made.items():
                run_next(document)
                first[ref] = version_of(document)

            retried = retry_batch(user=user, batch_id=batch.pk)
            run_next(made["later"])

        assert {ref: version.error_code for ref, version in first.items()} == {
            "good": "",
            "same": "same-file-present",
            "later": "url-failed",
        }
        assert first["later"].state == VersionState.FAILED
        assert retried.count == 2
        assert version_of(made["later"]).size_bytes == len(b"Another text.")

    def test_leaves_nothing_behind_when_its_brain_goes_meanwhile(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)

        def delete() -> None:
            Brain.objects.filter(pk=brain.pk).delete()
            connection.close()

        def delete_elsewhere(_: Batch) -> None:
            thread = threading.Thread(target=delete)
            thread.start()
            thread.join()

        with pytest.raises(NotFound):
            create_batch(
                user=user,
                brain_id=brain.pk,
                items=[NewItem(ref="1", url="https://example.com/a")],
                also=delete_elsewhere,
            )

        assert not Document.objects.exists()
        assert not Batch.objects.exists()


class TestItems:
    def test_whose_file_comes_twice_stay_the_batchs_own(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        batch = make_batch(user, brain)

        for _ in range(2):
            finish(begin_upload(user, brain, length=10, batch=batch), b"Some text.")

        [item] = batch_items(batch=batch)
        assert item.result == ItemResult.RECEIVED

    def test_are_wanted_where_their_document_is_deleted_meanwhile(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        document = make_document(brain)
        item = NewItem(ref="1", sha256=document.sha256)
        delete = partial(remove_document, document_id=document.pk)

        batch = create_batch(
            user=user, brain_id=brain.pk, items=[item], also=lambda _: elsewhere(delete)
        )

        assert [item.result for item in batch_items(batch=batch)] == [ItemResult.WANTED]
        assert Batch.objects.count() == 1

    def test_get_a_new_document_where_that_of_the_same_bytes_is_deleted_meanwhile(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        batch = make_batch(user, brain)
        before = upload(user, brain, b"Some text.").document
        delete = partial(remove_document, document_id=before.pk)

        def receive(result: UploadResult) -> None:
            elsewhere(delete)
            mark_received(batch.items.get(), result)

        after = upload(user, brain, b"Some text.", also=receive)

        assert (after.created, Document.objects.get()) == (True, after.document)
        assert batch.items.get().document == after.document


class TestCancelBatch:
    @pytest.fixture
    def batch(self) -> Batch:
        user = make_user()
        return make_batch(user, make_brain(owner=user))

    def test_ends_what_becomes_a_document_at_the_same_moment(self, batch: Batch) -> None:
        user, brain = owner_of(batch), batch.brain
        upload = begin_upload(user, brain, length=10, batch=batch)
        send(upload, b"Some text.")
        document = make_document(brain)

        with transaction.atomic():
            Upload.objects.filter(pk=upload.pk).update(state=UploadState.DONE)
            cancelling = begin_elsewhere(lambda: cancel_batch(user=user, batch_id=batch.pk))
            wait_for_lock()
            UploadPart.objects.filter(upload=upload).delete()
            mark_received(batch.items.get(), UploadResult(document, created=True))
        changed = cancelling.result(PATIENCE_SECONDS)

        assert changed == bulk.Changed(1, has_more=False)
        assert version_of(document).state == VersionState.CANCELLED

    def test_takes_no_file_that_comes_at_the_same_moment(self, batch: Batch) -> None:
        document = make_document(batch.brain)
        item = batch.items.get()

        @transaction.atomic
        def receive() -> None:
            mark_received(item, UploadResult(document, created=True))

        with transaction.atomic():
            BatchItem.objects.update(result=ItemResult.CANCELLED)
            Batch.objects.update(cancelled_at=timezone.now())
            late = begin_elsewhere(receive)
            wait_for_lock()

        with pytest.raises(BatchCancelled):
            late.result(PATIENCE_SECONDS)
        item.refresh_from_db()
        assert item.result == ItemResult.CANCELLED

    def test_takes_no_more_uploads(self, batch: Batch) -> None:
        user, brain = owner_of(batch), batch.brain
        upload = begin_upload(user, brain, length=10, batch=batch)
        Batch.objects.update(cancelled_at=timezone.now())

        with pytest.raises(BatchCancelled):
            finish(upload, b"Some text.")
        with pytest.raises(BatchCancelled):
            begin_upload(user, brain, length=10, batch=batch)

        upload.refresh_from_db()
        assert (upload.state, upload.error_code) == (UploadState.FAILED, "item-cancelled")
        assert not Document.objects.exists()


class TestCreateUpload:
    @pytest.mark.parametrize("what", [Brain, Batch])
    def test_says_what_has_gone_meanwhile(self, what: type[Brain] | type[Batch]) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        batch = make_batch(user, brain)
        new = NewUpload(brain_id=brain.pk, length=10, batch_id=batch.pk, ref="1")

        def delete() -> None:
            what.objects.all().delete()

        with pytest.raises(NotFound):
            create_upload(user=user, new=new, also=lambda _: elsewhere(delete))

        assert not Upload.objects.exists()


class TestDeleteBrain:
    def test_waits_for_an_upload_that_is_being_written_to(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        upload = send(begin_upload(user, brain, length=100), b"Some text.")

        with transaction.atomic():
            Upload.objects.filter(pk=upload.pk).update(offset=20)
            deleting = begin_elsewhere(lambda: delete_brain(user=user, brain_id=brain.pk))
            wait_for_lock()
            UploadPart.objects.filter(upload=upload).delete()
        deleting.result(PATIENCE_SECONDS)

        assert not Upload.objects.exists()
