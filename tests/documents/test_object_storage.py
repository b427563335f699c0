"""Documents in S3-compatible storage, against a real server of that protocol."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from chatbot.contracts.errors import DocumentFault
from chatbot.documents.models import Document, StoredFile
from chatbot.documents.services import delete_document, files
from chatbot.documents.services.copies import FileCopies
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import upload, version_of
from tests.servers import free_port

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    port = free_port()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, settings: Settings) -> Any:  # noqa: ANN401 - boto3 has no types
    """An empty bucket, in which this test's documents are stored."""
    resource = boto3.resource(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",  # noqa: S106 - of a server inside this test
    )
    made = resource.create_bucket(Bucket="brainstem")
    made.objects.delete()
    storage = importlib.import_module("chatbot.settings.base").storage
    address = f"s3://key:secret@brainstem/here?endpoint={endpoint}&region=us-east-1"
    settings.STORAGES = {**settings.STORAGES, "default": storage(address)}
    return made


def names_in(bucket: Any) -> list[str]:  # noqa: ANN401 - boto3 has no types
    return [stored.key for stored in bucket.objects.all()]


class TestObjectStorage:
    def test_keeps_a_document_from_upload_to_deletion(self, bucket: Any) -> None:  # noqa: ANN401 - boto3 has no types
        user = make_user()
        content = b"A note. " * 400_000

        document = upload(user, make_brain(owner=user), content).document
        name = version_of(document).storage_name
        stored = names_in(bucket)
        with files.local_file(name=name) as path:
            read = path.read_bytes()
        delete_document(user=user, document_id=document.pk)

        assert stored == [f"here/{name}"]
        assert read == content
        assert names_in(bucket) == []
        assert not StoredFile.objects.exists()

    def test_fetches_a_file_once_for_several_jobs(self, bucket: Any) -> None:  # noqa: ANN401 - boto3 has no types
        user = make_user()
        document = upload(user, make_brain(owner=user), b"A note.").document
        name = version_of(document).storage_name

        with files.local_file(name=name) as first:
            pass
        bucket.objects.delete()
        with files.local_file(name=name) as second:
            again = second.read_bytes()

        assert first == second
        assert again == b"A note."

    def test_tells_a_missing_file_from_a_storage_that_is_away(
        self,
        bucket: Any,  # noqa: ANN401 - boto3 has no types
    ) -> None:
        with pytest.raises(DocumentFault), files.local_file(name="documents/gone"):
            pass
        bucket.objects.delete()
        bucket.delete()
        user = make_user()
        brain = make_brain(owner=user)

        with pytest.raises(files.StorageAway):
            upload(user, brain, b"A note.")

        assert not Document.objects.exists()


def _write(path: Path) -> None:
    path.write_bytes(b"content")


class TestCopies:
    def test_go_when_others_are_used(self) -> None:
        copies = FileCopies(keep=2)
        paths = []

        for number in range(4):
            with copies.borrow(f"file-{number}", _write) as path:
                paths.append(path)

        assert [path.exists() for path in paths] == [False, False, True, True]
