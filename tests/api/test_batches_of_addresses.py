"""Items of batches that are fetched from their address."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from chatbot.accounts.models import User
from chatbot.brains.models import Brain, BrainRole
from chatbot.documents.models import Document, DocumentVersion, IngestionJob, VersionState
from chatbot.uploads.models import Batch
from tests.api.problems import check_is_problem
from tests.api.test_batches import announce, items_of, send
from tests.api.test_resumable_uploads import CONTENT, brain, client, owner
from tests.factories.accounts import make_user
from tests.factories.brains import add_member

__all__ = ["brain", "client", "owner"]

pytestmark = pytest.mark.django_db
SITE = "https://example.com"


def addresses(number: int) -> list[dict[str, Any]]:
    return [{"ref": str(n), "url": f"{SITE}/{n}.pdf"} for n in range(number)]


def outcomes(items: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(item["result"], item["error"]["code"] if item["error"] else "") for item in items]


class TestAddresses:
    def test_are_fetched_beside_files(self, client: Client, owner: User, brain: Brain) -> None:
        response = announce(
            client,
            brain,
            {"ref": "address", "url": f" {SITE}/보고서.pdf ", "title": "Mine"},
            {"ref": "file", "name": "b.txt"},
            {"ref": "nameless", "url": f"{SITE}/c.pdf"},
        )

        items = response.json()["items"]
        documents = [item["document"] for item in items]
        made = Document.objects.get(pk=documents[0]["id"])
        assert outcomes(items) == [("received", ""), ("wanted", ""), ("received", "")]
        assert (made.title, made.source_url) == ("Mine", f"{SITE}/보고서.pdf")
        assert (made.created_by, made.brain) == (owner, brain)
        assert Document.objects.get(pk=documents[2]["id"]).title == "c.pdf"
        assert {job.stage for job in IngestionJob.objects.all()} == {"fetch"}
        assert response.json()["counts"] == {"received": 2, "wanted": 1}

    def test_show_among_the_documents(self, client: Client, brain: Brain) -> None:
        item = announce(client, brain, *addresses(1)).json()["items"][0]

        listed = client.get(f"/api/v1/brains/{brain.pk}/documents").json()["results"]

        assert [document["id"] for document in listed] == [item["document"]["id"]]
        assert client.get(f"/api/v1/jobs/{listed[0]['job']}").status_code == 200

    @pytest.mark.parametrize(
        ("item", "code"),
        [
            ({"url": "ftp://example.com/a"}, "url-refused"),
            ({"url": "https://user:secret@example.com/a"}, "url-refused"),
            ({"url": SITE, "sha256": "0" * 64}, "sha256-unexpected"),
            ({"url": SITE, "size_bytes": 10**12}, "too-large"),
        ],
        ids=["scheme", "password", "with a hash", "too large"],
    )
    def test_are_refused_one_by_one(
        self, client: Client, brain: Brain, item: dict[str, Any], code: str
    ) -> None:
        response = announce(client, brain, {"ref": "bad", **item}, {"ref": "good", "url": SITE})

        items = response.json()["items"]
        assert outcomes(items) == [("refused", code), ("received", "")]
        assert items[0]["document"] is None
        assert Document.objects.count() == 1

    def test_that_are_the_same_share_a_document(self, client: Client, brain: Brain) -> None:
        urls = [f"{SITE}/a#one", f"{SITE}/a", "https://EXAMPLE.com:443/a#two"]
        same = [{"ref": str(number), "url": url} for number, url in enumerate(urls)]

        items = announce(client, brain, *same).json()["items"]

        assert [item["url"] for item in items] == urls
        assert len({item["document"]["id"] for item in items}) == 1
        assert Document.objects.get().source_url == f"{SITE}/a"

    def test_may_be_replaced_by_a_file_when_they_were_refused(
        self, client: Client, brain: Brain
    ) -> None:
        batch = announce(client, brain, {"ref": "1", "url": "ftp://a"}).json()["id"]

        send(client, brain, CONTENT, batch=batch, ref="1")

        assert outcomes(items_of(client, batch)) == [("received", "")]

    def test_of_thousands_take_few_queries(
        self,
        client: Client,
        brain: Brain,
        django_assert_max_num_queries: Any,  # noqa: ANN401 - no name for its type
    ) -> None:
        with django_assert_max_num_queries(25):
            response = announce(client, brain, *addresses(1000))

        assert response.json()["counts"] == {"received": 1000}

    def test_need_an_editor(self, brain: Brain) -> None:
        viewer = make_user()
        add_member(brain, viewer, BrainRole.VIEWER)
        client = Client()
        client.force_login(viewer)

        check_is_problem(announce(client, brain, *addresses(1)), 403, "role-too-low")
        assert not Document.objects.exists()

    def test_leave_nothing_behind_when_the_batch_is_refused(
        self, client: Client, brain: Brain
    ) -> None:
        twice = [{"ref": "1", "url": SITE}, {"ref": "1", "url": f"{SITE}/b"}]

        check_is_problem(announce(client, brain, *twice), 400, "refs-repeated")
        assert not Document.objects.exists()
        assert not Batch.objects.exists()


class TestRoomForAddresses:
    @pytest.mark.parametrize("limit", ["UNFINISHED_FETCHES_LIMIT", "UNFINISHED_DOCUMENTS_LIMIT"])
    def test_is_told_at_each_item(
        self, client: Client, brain: Brain, settings: Settings, limit: str
    ) -> None:
        setattr(settings, limit, 2)

        items = announce(client, brain, *addresses(3)).json()["items"]

        assert outcomes(items) == [
            ("received", ""),
            ("received", ""),
            ("refused", "fetches-unfinished"),
        ]

    def test_is_told_at_a_single_address(
        self, client: Client, brain: Brain, settings: Settings
    ) -> None:
        settings.UNFINISHED_FETCHES_LIMIT = 1
        announce(client, brain, *addresses(1))

        response = client.post(
            f"/api/v1/brains/{brain.pk}/documents", {"url": SITE}, content_type="application/json"
        )

        check_is_problem(response, 429, "fetches-unfinished")
        assert response["Retry-After"] == "60"

    def test_comes_back_when_they_have_ended(
        self, client: Client, brain: Brain, settings: Settings
    ) -> None:
        settings.UNFINISHED_FETCHES_LIMIT = 1
        announce(client, brain, *addresses(1))
        DocumentVersion.objects.update(state=VersionState.FAILED)

        assert outcomes(announce(client, brain, *addresses(1)).json()["items"]) == [
            ("received", "")
        ]

    def test_is_each_persons_own(self, client: Client, brain: Brain, settings: Settings) -> None:
        settings.UNFINISHED_FETCHES_LIMIT = 1
        announce(client, brain, *addresses(1))
        editor = make_user()
        add_member(brain, editor, BrainRole.EDITOR)
        other = Client()
        other.force_login(editor)

        assert outcomes(announce(other, brain, *addresses(1)).json()["items"]) == [("received", "")]


class TestBatchOfAddresses:
    def test_is_cancelled_as_a_whole(self, client: Client, brain: Brain) -> None:
        batch = announce(client, brain, *addresses(2)).json()["id"]

        response = client.post(f"/api/v1/batches/{batch}/cancel")

        assert response.json() == {"count": 2, "has_more": False}
        assert {item["state"] for item in items_of(client, batch)} == {"cancelled"}
