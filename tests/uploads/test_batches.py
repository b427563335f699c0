"""Batches whose items the worker fetches."""

import threading

import pytest
from django.db import connection
from pytest_django import Settings

from chatbot.brains.models import Brain
from chatbot.contracts.errors import NotFound
from chatbot.documents.models import Document, VersionState
from chatbot.outbound.addresses import PrivateHosts
from chatbot.uploads.models import Batch, ItemResult, Upload
from chatbot.uploads.selectors import batch_items
from chatbot.uploads.services.batches import NewItem, create_batch, retry_batch
from chatbot.uploads.services.finishing import finish_upload
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import version_of
from tests.factories.uploads import begin_upload, make_batch, send
from tests.fakes.web_server import running_web_server
from tests.ingesting import run_next

pytestmark = pytest.mark.django_db(transaction=True)


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
