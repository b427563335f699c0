from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from chatbot.accounts.models import User
from chatbot.documents.models import Document, DocumentVersion
from tests.api.problems import check_is_problem
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import make_document, store_content

pytestmark = pytest.mark.django_db
CONTENT = b"%PDF-1.7 and so on"


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def document(owner: User) -> Document:
    document = make_document(make_brain(owner=owner), title="보고서 2026.pdf")
    store_content(document, CONTENT)
    DocumentVersion.objects.update(size_bytes=len(CONTENT))
    return document


def set_type(document: Document, media_type: str) -> None:
    DocumentVersion.objects.filter(document=document).update(media_type=media_type)


def download(owner: User, document: Document, query: str = "", **headers: str) -> Any:  # noqa: ANN401 - a test response
    client = Client()
    client.force_login(owner)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(f"/api/v1/documents/{document.pk}/file{query}", headers=named)


class TestFile:
    def test_is_what_was_uploaded(self, owner: User, document: Document) -> None:
        response = download(owner, document)

        assert b"".join(response.streaming_content) == CONTENT
        assert response["Content-Length"] == str(len(CONTENT))

    def test_is_saved_under_its_korean_name(self, owner: User, document: Document) -> None:
        with closing(download(owner, document)) as response:
            disposition = response["Content-Disposition"]

        assert disposition.startswith("attachment")
        assert f"filename*=utf-8''{quote('보고서 2026.pdf')}" in disposition

    @pytest.mark.parametrize("media_type", ["text/html", "application/pdf", "image/png"])
    def test_runs_nothing_in_the_browser(
        self, owner: User, document: Document, media_type: str
    ) -> None:
        set_type(document, media_type)

        with closing(download(owner, document)) as response:
            headers = response.headers

        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in headers["Content-Security-Policy"]
        assert headers["Content-Type"] == media_type
        assert headers["Cache-Control"].startswith("private")

    @pytest.mark.parametrize(
        ("media_type", "disposition"),
        [
            ("application/pdf", "inline"),
            ("image/png", "inline"),
            ("text/html", "attachment"),
            ("text/plain", "attachment"),
            ("message/rfc822", "attachment"),
        ],
    )
    def test_is_shown_inline_only_where_that_is_safe(
        self, owner: User, document: Document, media_type: str, disposition: str
    ) -> None:
        set_type(document, media_type)

        with closing(download(owner, document, "?inline=1")) as response:
            assert response["Content-Disposition"].split(";")[0] == disposition

    def test_may_be_framed_by_our_own_pages_only(self, owner: User, document: Document) -> None:
        with closing(download(owner, document, "?inline=1")) as response:
            assert response["X-Frame-Options"] == "SAMEORIGIN"
            assert "frame-ancestors 'self'" in response["Content-Security-Policy"]

    @pytest.mark.parametrize(
        ("title", "media_type", "name"),
        [
            ("Report", "application/pdf", "Report.pdf"),
            ("Report.PDF", "application/pdf", "Report.PDF"),
            ("v1.2", "text/plain", "v1.2.txt"),
            ("photo.jpeg", "image/jpeg", "photo.jpeg"),
        ],
    )
    def test_gets_the_ending_that_its_title_lacks(
        self, owner: User, document: Document, title: str, media_type: str, name: str
    ) -> None:
        set_type(document, media_type)
        Document.objects.update(title=title)

        with closing(download(owner, document)) as response:
            assert f'filename="{name}"' in response["Content-Disposition"]

    def test_that_is_gone_is_said_to_be_missing(self, owner: User, document: Document) -> None:
        assert document.current_version is not None
        default_storage.delete(document.current_version.storage_name)

        check_is_problem(download(owner, document), 422, "file-missing")


class TestPart:
    @pytest.mark.parametrize(
        ("wanted", "content", "place"),
        [
            ("bytes=0-3", b"%PDF", "bytes 0-3/18"),
            ("bytes=5-", b"1.7 and so on", "bytes 5-17/18"),
            ("bytes=-2", b"on", "bytes 16-17/18"),
            ("bytes=16-99", b"on", "bytes 16-17/18"),
        ],
    )
    def test_is_what_was_asked_for(
        self, owner: User, document: Document, wanted: str, content: bytes, place: str
    ) -> None:
        response = download(owner, document, Range=wanted)

        assert response.status_code == 206
        assert b"".join(response.streaming_content) == content
        assert (response["Content-Range"], response["Content-Length"]) == (
            place,
            str(len(content)),
        )

    @pytest.mark.parametrize(
        "wanted",
        [
            "bytes=0-1,4-5",
            "bytes=9-3",
            "bytes=18-20",
            "bytes=-0",
            "pages=1-2",
            "bytes=-",
            "",
            pytest.param(f"bytes={'9' * 5000}-", id="more digits than Python reads"),
        ],
    )
    def test_is_everything_where_it_can_not_be_one(
        self, owner: User, document: Document, wanted: str
    ) -> None:
        response = download(owner, document, Range=wanted)

        assert response.status_code == 200
        assert b"".join(response.streaming_content) == CONTENT

    def test_is_everything_where_it_would_be_of_another_file(
        self, owner: User, document: Document
    ) -> None:
        response = download(owner, document, Range="bytes=0-3", If_Range='"another"')

        assert b"".join(response.streaming_content) == CONTENT

    def test_is_nothing_where_the_browser_has_it_all(self, owner: User, document: Document) -> None:
        first = download(owner, document)
        b"".join(first.streaming_content)

        response = download(owner, document, If_None_Match=first["ETag"])

        assert (response.status_code, response.content) == (304, b"")
        assert "sandbox" in response["Content-Security-Policy"]
