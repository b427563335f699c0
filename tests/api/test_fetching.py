"""Documents by their address: `POST brains/{id}/documents` with JSON."""

import pytest
from django.test import Client

from chatbot.accounts.models import User
from chatbot.brains.models import Brain, BrainRole
from chatbot.documents.models import Document, DocumentVersion, IngestionJob, VersionState
from tests.api.problems import check_is_problem
from tests.factories.accounts import make_user
from tests.factories.brains import add_member, make_brain

pytestmark = pytest.mark.django_db
URL = "https://example.com/보고서.pdf?key=1"


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def brain(owner: User) -> Brain:
    return make_brain(owner=owner)


@pytest.fixture
def client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def address_of(brain: Brain) -> str:
    return f"/api/v1/brains/{brain.pk}/documents"


class TestFetchDocument:
    def test_queues_the_fetching(self, client: Client, brain: Brain) -> None:
        response = client.post(address_of(brain), {"url": URL}, content_type="application/json")

        body = response.json()
        assert response.status_code == 202
        assert response["Location"] == f"/api/v1/jobs/{body['job']}"
        assert (body["title"], body["source_url"]) == ("보고서.pdf", URL)
        assert (body["sha256"], body["size_bytes"], body["media_type"]) == ("", 0, "")
        assert (body["state"], body["error"], body["same_as"]) == ("received", None, None)
        assert IngestionJob.objects.get().stage == "fetch"

    def test_shows_in_lists_and_by_itself(self, client: Client, brain: Brain) -> None:
        made = client.post(address_of(brain), {"url": URL}, content_type="application/json").json()

        listed = client.get(address_of(brain)).json()["results"]
        read = client.get(f"/api/v1/documents/{made['id']}").json()

        assert listed == [read]
        assert read["source_url"] == URL
        assert client.get(f"/api/v1/jobs/{made['job']}").status_code == 200

    def test_leaves_out_which_part_of_a_page_was_meant(self, client: Client, brain: Brain) -> None:
        response = client.post(
            address_of(brain), {"url": f" {URL}#2장 "}, content_type="application/json"
        )

        body = response.json()
        assert (response.status_code, body["title"], body["source_url"]) == (
            (202, "보고서.pdf", URL)
        )

    def test_takes_a_title(self, client: Client, brain: Brain) -> None:
        response = client.post(
            address_of(brain),
            {"url": URL, "title": " 나의\n보고서 "},
            content_type="application/json",
        )

        assert response.json()["title"] == "나의 보고서"

    @pytest.mark.parametrize(
        ("url", "code"),
        [
            ("ftp://example.com/a", "url-refused"),
            ("https://user:secret@example.com/a", "url-refused"),
            ("http://2130706433/", "url-refused"),
            ("", "invalid-input"),
            ("https://example.com/" + "a" * 2000, "invalid-input"),
        ],
        ids=["scheme", "password", "number", "empty", "long"],
    )
    def test_refuses_what_is_no_address(
        self, client: Client, brain: Brain, url: str, code: str
    ) -> None:
        response = client.post(address_of(brain), {"url": url}, content_type="application/json")

        check_is_problem(response, 400, code)
        assert "secret" not in response.content.decode()
        assert not Document.objects.exists()

    def test_needs_an_editor(self, brain: Brain) -> None:
        viewer = make_user()
        add_member(brain, viewer, BrainRole.VIEWER)
        client = Client()
        client.force_login(viewer)

        response = client.post(address_of(brain), {"url": URL}, content_type="application/json")

        check_is_problem(response, 403, "role-too-low")


class TestDocumentWithoutFile:
    @pytest.fixture
    def document(self, client: Client, brain: Brain) -> str:
        made = client.post(address_of(brain), {"url": URL}, content_type="application/json")
        return f"/api/v1/documents/{made.json()['id']}"

    def test_has_no_file_to_show(self, client: Client, document: str) -> None:
        check_is_problem(client.get(f"{document}/file"), 409, "file-not-there")

    def test_can_not_be_read_again_before_it_was_fetched(
        self, client: Client, document: str
    ) -> None:
        DocumentVersion.objects.update(state=VersionState.FAILED)

        response = client.post(f"{document}/reread", {}, content_type="application/json")

        check_is_problem(response, 409, "file-not-there")

    def test_is_read_by_no_engine_that_is_not_set_up(self, client: Client, document: str) -> None:
        asked = {"engine": "rapidocr"}

        response = client.post(f"{document}/reread", asked, content_type="application/json")

        check_is_problem(response, 400, "ocr-engine-not-set-up")

    def test_can_be_cancelled_tried_again_and_deleted(self, client: Client, document: str) -> None:
        cancelled = client.post(f"{document}/cancel")
        retried = client.post(f"{document}/retry")
        stage = IngestionJob.objects.get().stage
        deleted = client.delete(document)

        assert [cancelled.status_code, retried.status_code] == [202, 202]
        assert stage == "fetch"
        assert deleted.status_code == 204
