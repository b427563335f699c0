"""The header Idempotency-Key."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from chatbot.accounts.models import User
from chatbot.brains.models import Brain, BrainRole
from chatbot.contracts.errors import Conflict
from chatbot.documents.models import Document
from chatbot.uploads.models import Batch, IdempotencyKey, Upload
from chatbot.uploads.services import idempotency
from tests.api.problems import check_is_problem
from tests.api.test_resumable_uploads import BYTES, begin, brain, client, metadata, owner
from tests.factories.accounts import make_user
from tests.factories.brains import add_member

__all__ = ["brain", "client", "owner"]

pytestmark = pytest.mark.django_db
KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}


def upload(client: Client, brain: Brain, content: bytes = b"Some text.", **more: str) -> Any:  # noqa: ANN401 - a test response
    return client.post(
        f"/api/v1/brains/{brain.pk}/documents",
        {"file": SimpleUploadedFile("note.txt", content), **more},
        headers=KEY,
    )


def announce(client: Client, brain: Brain, *refs: str) -> Any:  # noqa: ANN401 - a test response
    return client.post(
        f"/api/v1/brains/{brain.pk}/batches",
        json.dumps({"items": [{"ref": ref} for ref in refs]}),
        content_type="application/json",
        headers=KEY,
    )


def fetch(client: Client, brain: Brain, body: str) -> Any:  # noqa: ANN401 - a test response
    return client.post(
        f"/api/v1/brains/{brain.pk}/documents",
        body,
        content_type="application/json",
        headers=KEY,
    )


class TestKey:
    def test_gives_the_same_answer_to_the_same_upload(self, client: Client, brain: Brain) -> None:
        first, second = upload(client, brain), upload(client, brain)

        assert (first.status_code, second.status_code) == (202, 202)
        assert second.json() == first.json()
        assert second["Location"] == first["Location"]

    def test_gives_the_same_answer_when_the_document_is_gone(
        self, client: Client, brain: Brain
    ) -> None:
        first = upload(client, brain)
        Document.objects.all().delete()

        second = upload(client, brain)

        assert second.json() == first.json()
        assert not Document.objects.exists()

    def test_makes_one_batch(self, client: Client, brain: Brain) -> None:
        first, second = announce(client, brain, "1"), announce(client, brain, "1")

        assert (second.status_code, second.json()) == (202, first.json())
        assert Batch.objects.count() == 1

    @pytest.mark.parametrize(
        "again",
        [
            '{"url": "https://a.example/b", "title": "C"}',
            '{"title":"C","url":"https://a.example/b"}',
        ],
        ids=["the same bytes", "the same JSON"],
    )
    def test_makes_one_document_of_an_address(
        self, client: Client, brain: Brain, again: str
    ) -> None:
        first = fetch(client, brain, '{"url": "https://a.example/b", "title": "C"}')
        Document.objects.update(title="Another")

        second = fetch(client, brain, again)

        assert (second.status_code, second.json()) == (202, first.json())
        assert second["Location"] == first["Location"]
        assert Document.objects.count() == 1

    def test_gives_the_same_answer_when_there_is_no_room_any_more(
        self, client: Client, brain: Brain, settings: Settings
    ) -> None:
        settings.UNFINISHED_DOCUMENTS_LIMIT = 1
        first = fetch(client, brain, '{"url": "https://a.example/b"}')

        second = fetch(client, brain, '{"url": "https://a.example/b"}')

        assert (second.status_code, second.json()) == (202, first.json())

    def test_makes_one_batch_of_addresses(self, client: Client, brain: Brain) -> None:
        bodies = [{"items": [{"ref": "1", "url": f"https://a.example/{path}"}]} for path in "aab"]

        first, second, other = (
            client.post(
                f"/api/v1/brains/{brain.pk}/batches",
                json.dumps(body),
                content_type="application/json",
                headers=KEY,
            )
            for body in bodies
        )

        assert second.json() == first.json()
        assert Document.objects.count() == 1
        check_is_problem(other, 422, "idempotency-key-reused")

    def test_makes_one_resumable_upload(self, client: Client, brain: Brain) -> None:
        headers = {
            **KEY,
            "Tus-Resumable": "1.0.0",
            "Upload-Length": "5",
            "Upload-Metadata": metadata(brain=brain.pk),
        }

        first, second = (
            client.post("/api/v1/uploads", b"", BYTES, headers=headers) for _ in range(2)
        )

        assert (first.status_code, second.status_code) == (201, 201)
        assert second["Location"] == first["Location"]
        assert Upload.objects.count() == 1

    def test_tells_what_became_of_the_bytes_that_came_with_a_new_upload(
        self, client: Client, brain: Brain
    ) -> None:
        headers = {
            **KEY,
            "Tus-Resumable": "1.0.0",
            "Upload-Length": "10",
            "Upload-Metadata": metadata(brain=brain.pk, filename="note.txt"),
        }

        first, second = (
            client.post("/api/v1/uploads", b"Some text.", BYTES, headers=headers) for _ in range(2)
        )

        assert (first["Upload-Offset"], second["Upload-Offset"]) == ("10", "10")
        assert second["Upload-Document"] == first["Upload-Document"]
        assert Upload.objects.count() == 1

    @pytest.mark.parametrize("more", [{"content": b"Other."}, {"title": "Other"}], ids=str)
    def test_is_refused_with_other_content(
        self, client: Client, brain: Brain, more: dict[str, Any]
    ) -> None:
        upload(client, brain)

        check_is_problem(upload(client, brain, **more), 422, "idempotency-key-reused")

    @pytest.mark.parametrize(
        "other",
        ['{"url": "https://a.example/c"}', '{"url": "https://a.example/b", "title": "C"}'],
        ids=["address", "title"],
    )
    def test_is_refused_with_another_address_of_a_document(
        self, client: Client, brain: Brain, other: str
    ) -> None:
        fetch(client, brain, '{"url": "https://a.example/b"}')

        check_is_problem(fetch(client, brain, other), 422, "idempotency-key-reused")
        assert Document.objects.count() == 1

    def test_is_free_again_after_an_address_was_refused(self, client: Client, brain: Brain) -> None:
        refused = fetch(client, brain, '{"url": "ftp://a.example/b"}')

        taken = fetch(client, brain, '{"url": "https://a.example/b"}')

        assert (refused.status_code, taken.status_code) == (400, 202)

    def test_is_refused_at_another_address(self, client: Client, brain: Brain) -> None:
        upload(client, brain)

        check_is_problem(announce(client, brain, "1"), 422, "idempotency-key-reused")

    def test_that_is_in_use_is_refused(self, client: Client, brain: Brain) -> None:
        upload(client, brain)
        IdempotencyKey.objects.update(status=0, held_until=timezone.now() + timedelta(seconds=9))

        check_is_problem(upload(client, brain), 409, "idempotency-key-in-use")

    def test_of_a_process_that_died_is_taken_over(self, client: Client, brain: Brain) -> None:
        upload(client, brain)
        IdempotencyKey.objects.update(status=0, held_until=timezone.now() - timedelta(seconds=1))

        assert upload(client, brain).status_code == 200

    def test_is_free_again_after_an_error(self, client: Client, brain: Brain) -> None:
        refused = upload(client, brain, b"MZ\x90\x00\x03\x00\x00\x00")

        taken = upload(client, brain)

        assert (refused.status_code, taken.status_code) == (415, 202)

    def test_is_one_persons_own(self, client: Client, brain: Brain) -> None:
        upload(client, brain)
        editor = make_user()
        add_member(brain, editor, BrainRole.EDITOR)
        other = Client()
        other.force_login(editor)

        assert upload(other, brain, b"Other.").status_code == 202

    @pytest.mark.parametrize("key", ["", "a\tb", "x" * 256, '"', "é"])
    def test_must_be_one(self, client: Client, brain: Brain, key: str) -> None:
        response = client.post(
            f"/api/v1/brains/{brain.pk}/batches",
            {"items": [{"ref": "1"}]},
            content_type="application/json",
            headers={"Idempotency-Key": key},
        )

        check_is_problem(response, 400, "idempotency-key-malformed")

    def test_is_stored_with_what_it_makes_or_not_at_all(self, owner: User) -> None:
        held = idempotency.take_key(user=owner, key="1", fingerprint="a")
        assert isinstance(held, idempotency.HeldKey)
        IdempotencyKey.objects.update(token=None)

        with pytest.raises(Conflict):
            idempotency.store_answer(held, idempotency.Answer(202, {}, {}))

    def test_is_forgotten_after_two_days(self, client: Client, brain: Brain) -> None:
        upload(client, brain)
        IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(days=2))

        assert idempotency.remove_old_keys() == 1
        assert not IdempotencyKey.objects.exists()

    def test_is_not_needed(self, client: Client, brain: Brain) -> None:
        begin(client, brain)

        assert not IdempotencyKey.objects.exists()
