"""Many files announced at once."""

import hashlib
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.documents.models import DocumentVersion, JobState, VersionState
from chatbot.uploads.api import batches
from chatbot.uploads.models import BatchItem, Upload
from tests.api.problems import check_is_problem
from tests.api.test_resumable_uploads import CONTENT, begin, brain, client, owner
from tests.factories.brains import make_brain
from tests.factories.documents import make_document, make_job

__all__ = ["brain", "client", "owner"]

pytestmark = pytest.mark.django_db
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def announce(client: Client, brain: Brain, *items: dict[str, Any]) -> Any:  # noqa: ANN401 - a test response
    return client.post(
        f"/api/v1/brains/{brain.pk}/batches",
        json.dumps({"items": items}),
        content_type="application/json",
    )


def send(client: Client, brain: Brain, content: bytes, **more: object) -> Any:  # noqa: ANN401 - a test response
    return client.post(
        f"/api/v1/brains/{brain.pk}/documents",
        {"file": SimpleUploadedFile("note.txt", content), **more},
    )


def items_of(client: Client, batch: str, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v1/batches/{batch}/items{query}").json()[
        "results"
    ]
    return found


class TestManifest:
    def test_says_what_is_to_be_done_with_each_item(self, client: Client, brain: Brain) -> None:
        document = send(client, brain, CONTENT).json()["id"]

        response = announce(
            client,
            brain,
            {"ref": "there", "name": "a.txt", "sha256": SHA256.upper()},
            {"ref": "new", "name": "b.txt", "sha256": "0" * 64, "size_bytes": 10},
            {"ref": "empty", "name": "c.txt", "size_bytes": 0},
            {"ref": "large", "name": "d.txt", "size_bytes": 10**12},
            {"ref": "odd", "name": "e.txt", "sha256": "xyz"},
        )

        items = response.json()["items"]
        assert response.status_code == 202
        assert [(item["ref"], item["result"]) for item in items] == [
            ("there", "present"),
            ("new", "wanted"),
            ("empty", "refused"),
            ("large", "refused"),
            ("odd", "refused"),
        ]
        assert items[0]["document"]["id"] == document
        assert [item["error"] and item["error"]["code"] for item in items[1:]] == [
            None,
            "file-empty",
            "too-large",
            "sha256-malformed",
        ]
        assert response.json()["counts"] == {"received": 1, "wanted": 1, "refused": 3}

    @pytest.mark.parametrize(
        "items",
        [[], [{"ref": "1"}, {"ref": "1"}], [{}], [{"ref": "1", "size_bytes": -1}], "no list"],
        ids=["nothing", "a ref twice", "no ref", "negative", "no list"],
    )
    def test_is_checked(self, client: Client, brain: Brain, items: Any) -> None:  # noqa: ANN401 - as a client may send
        response = client.post(
            f"/api/v1/brains/{brain.pk}/batches",
            json.dumps({"items": items}),
            content_type="application/json",
        )

        assert response.status_code == 400

    def test_of_thousands_takes_few_queries(
        self,
        client: Client,
        brain: Brain,
        django_assert_max_num_queries: Any,  # noqa: ANN401 - no name for its type
    ) -> None:
        names = (f"report-{number}.pdf" for number in range(10_000))
        items = [
            {"ref": str(number), "name": name, "title": name, "sha256": f"{number:064x}"}
            for number, name in enumerate(names)
        ]

        with django_assert_max_num_queries(20):
            response = announce(client, brain, *items)

        assert len(response.json()["items"]) == 10_000

    def test_has_a_limit_of_bytes(
        self, client: Client, brain: Brain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(batches, "MANIFEST_BYTES", 100)

        check_is_problem(announce(client, brain, {"ref": "x" * 100}), 413, "too-large")

    def test_has_a_limit_of_documents(
        self, client: Client, brain: Brain, settings: Settings
    ) -> None:
        settings.UNFINISHED_DOCUMENTS_LIMIT = 1
        make_document(brain)

        check_is_problem(announce(client, brain, {"ref": "1"}), 429, "documents-unfinished")


class TestItems:
    @pytest.fixture
    def batch(self, client: Client, brain: Brain) -> str:
        response = announce(
            client, brain, {"ref": "1", "sha256": SHA256}, {"ref": "2"}, {"ref": "3"}
        )
        identity: str = response.json()["id"]
        return identity

    def test_are_received_in_one_request(self, client: Client, brain: Brain, batch: str) -> None:
        response = send(client, brain, CONTENT, batch=batch, ref="1")

        item = items_of(client, batch)[0]
        assert response.status_code == 202
        assert (item["result"], item["state"]) == ("received", "received")
        assert item["document"]["id"] == response.json()["id"]

    def test_are_received_in_pieces(self, client: Client, brain: Brain, batch: str) -> None:
        begin(client, brain, body=CONTENT, batch=batch, ref="2")

        assert items_of(client, batch)[1]["result"] == "received"

    def test_give_their_documents_the_titles_that_were_announced(
        self, client: Client, brain: Brain
    ) -> None:
        named = [{"ref": ref, "title": f"Title {ref}"} for ref in ("1", "2")]
        batch = announce(client, brain, *named, {"ref": "3", "name": "c.txt"}).json()["id"]

        send(client, brain, b"One.", batch=batch, ref="1")
        begin(client, brain, length=4, body=b"Two.", batch=batch, ref="2")
        begin(client, brain, length=6, body=b"Three.", filename="", batch=batch, ref="3")

        items = BatchItem.objects.order_by("ref").select_related("document")
        titles = [item.document.title for item in items if item.document]
        assert titles == ["Title 1", "Title 2", "c.txt"]

    def test_say_why_their_file_was_refused(self, client: Client, brain: Brain, batch: str) -> None:
        send(client, brain, b"MZ\x90\x00\x03\x00\x00\x00", batch=batch, ref="2")

        item = items_of(client, batch, "?state=refused")[0]
        assert (item["ref"], item["error"]["code"]) == ("2", "type-unsupported")

    def test_take_the_file_that_was_announced_only(
        self, client: Client, brain: Brain, batch: str
    ) -> None:
        response = send(client, brain, b"Other.", batch=batch, ref="1")

        check_is_problem(response, 400, "sha256-differs")

    def test_are_found_by_batch_and_ref_of_the_brain(
        self, client: Client, owner: User, brain: Brain, batch: str
    ) -> None:
        elsewhere = make_brain(owner=owner)

        responses = [
            send(client, brain, CONTENT, batch=batch, ref="no such"),
            send(client, elsewhere, CONTENT, batch=batch, ref="1"),
            send(client, brain, CONTENT, batch=batch),
        ]

        assert [response.status_code for response in responses] == [404, 404, 400]

    def test_are_listed_by_state(self, client: Client, brain: Brain, batch: str) -> None:
        send(client, brain, CONTENT, batch=batch, ref="1")
        DocumentVersion.objects.update(state=VersionState.FAILED, error_code="no-text")

        failed = items_of(client, batch, "?state=failed")
        counts = client.get(f"/api/v1/batches/{batch}").json()["counts"]

        assert [item["ref"] for item in failed] == ["1"]
        assert failed[0]["document"]["error"]["code"] == "no-text"
        assert counts == {"failed": 1, "wanted": 2}

    def test_say_when_their_document_was_deleted(
        self, client: Client, brain: Brain, batch: str
    ) -> None:
        document = send(client, brain, CONTENT, batch=batch, ref="1").json()["id"]

        client.delete(f"/api/v1/documents/{document}")

        assert items_of(client, batch)[0]["state"] == "deleted"

    def test_take_as_many_queries_as_there_are_lists(
        self,
        client: Client,
        brain: Brain,
        batch: str,
        django_assert_max_num_queries: Any,  # noqa: ANN401 - no name for its type
    ) -> None:
        BatchItem.objects.update(document=make_document(brain))

        # Session, user, brain's role and batch, count, items.
        with django_assert_max_num_queries(6):
            found = items_of(client, batch)

        assert len(found) == 3


class TestRetry:
    def test_goes_on_with_all_that_failed(self, client: Client, brain: Brain) -> None:
        batch = announce(client, brain, {"ref": "1"}, {"ref": "2"}).json()["id"]
        for ref in ("1", "2"):
            send(client, brain, f"Text {ref}".encode(), batch=batch, ref=ref)
        other = make_document(brain, state=VersionState.FAILED)
        DocumentVersion.objects.update(state=VersionState.FAILED)

        response = client.post(f"/api/v1/batches/{batch}/retry")

        assert response.json() == {"count": 2, "has_more": False}
        still = DocumentVersion.objects.get(state=VersionState.FAILED)
        assert still.document_id == other.pk


class TestCancel:
    def test_ends_what_came_and_takes_no_more(self, client: Client, brain: Brain) -> None:
        before = make_document(brain)
        batch = announce(
            client, brain, {"ref": "1"}, {"ref": "2"}, {"ref": "3", "sha256": before.sha256}
        ).json()["id"]
        send(client, brain, CONTENT, batch=batch, ref="1")
        begin(client, brain, batch=batch, ref="2")

        response = client.post(f"/api/v1/batches/{batch}/cancel")
        states = [item["state"] for item in items_of(client, batch)]
        late = send(client, brain, b"Late.", batch=batch, ref="2")

        assert response.json() == {"count": 1, "has_more": False}
        assert states == ["cancelled", "cancelled", "received"]
        assert not Upload.objects.exists()
        check_is_problem(late, 409, "item-cancelled")


class TestRetryFailedDocuments:
    def test_queues_all_of_a_brain(self, client: Client, brain: Brain) -> None:
        failed = [make_document(brain, state=VersionState.FAILED) for _ in range(3)]
        make_document(brain, state=VersionState.READY)
        job = make_job(failed[0])
        type(job).objects.filter(pk=job.pk).update(state=JobState.FAILED, faults=3)

        response = client.post(f"/api/v1/brains/{brain.pk}/documents/retry-failed")

        job.refresh_from_db()
        assert response.json() == {"count": 3, "has_more": False}
        assert (job.state, job.faults) == (JobState.QUEUED, 0)
        assert not DocumentVersion.objects.filter(state=VersionState.FAILED).exists()


class TestLimitOfDocuments:
    def test_is_told_before_the_body_is_read(
        self, client: Client, brain: Brain, settings: Settings
    ) -> None:
        settings.UNFINISHED_DOCUMENTS_LIMIT = 1
        make_document(brain)

        # A body that could not be read would be the other answer.
        response = client.post(
            f"/api/v1/brains/{brain.pk}/documents",
            b"rubbish",
            content_type="multipart/form-data",
        )

        check_is_problem(response, 429, "documents-unfinished")
        assert response["Retry-After"] == "60"
