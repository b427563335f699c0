"""Uploads in pieces on S3-compatible storage, against a real server of that protocol."""

from typing import Any

import pytest

from chatbot.documents.services import files
from chatbot.uploads.services.finishing import finish_upload
from tests.documents.test_object_storage import bucket, endpoint, names_in
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import version_of
from tests.factories.uploads import begin_upload, send

__all__ = ["bucket", "endpoint"]


@pytest.mark.django_db(transaction=True)
class TestObjectStorage:
    def test_holds_the_pieces_and_then_the_file(self, bucket: Any) -> None:  # noqa: ANN401 - boto3 has no types
        user = make_user()
        content = b"A note. " * 300_000
        upload = begin_upload(user, make_brain(owner=user), length=len(content))

        send(upload, content[:1000])
        send(upload, content[1000:2_000_000], offset=1000)
        send(upload, content[2_000_000:], offset=2_000_000)
        pieces = names_in(bucket)
        document = finish_upload(user=user, upload_id=upload.pk).document
        assert document is not None
        name = version_of(document).storage_name

        assert len(pieces) == 2
        assert names_in(bucket) == [f"here/{name}"]
        with files.open_stored(name=name) as stored:
            assert stored.read() == content
