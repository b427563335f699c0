import hashlib
import io
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.documents.api import upload
from chatbot.documents.models import Document, StoredFile
from chatbot.wsgi import application
from tests.api.problems import check_is_problem
from tests.factories.accounts import make_api_key, make_user
from tests.factories.brains import make_brain
from tests.full_disk import full_disk

BOUNDARY = "boundary"
PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00"


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


def part(content: bytes, disposition: str) -> bytes:
    """A multipart body with one part."""
    return b"".join(
        (
            f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode(),
            content,
            f"\r\n--{BOUNDARY}--\r\n".encode(),
        )
    )


def post_raw(client: Client, brain: Brain, body: bytes) -> Any:  # noqa: ANN401 - a test response
    return client.post(
        address_of(brain), body, content_type=f"multipart/form-data; boundary={BOUNDARY}"
    )


def arrived_in(folder: Path) -> list[Path]:
    return list(folder.glob("*")) if folder.exists() else []


@pytest.mark.django_db
class TestUpload:
    def test_stores_hashes_and_queues(self, client: Client, brain: Brain, owner: User) -> None:
        content = "안녕하세요. Hello.".encode()

        response = client.post(address_of(brain), {"file": SimpleUploadedFile("note.txt", content)})

        body = response.json()
        assert response.status_code == 202
        assert response["Location"] == f"/api/v1/jobs/{body['job']}"
        assert (body["title"], body["state"], body["version"]) == ("note.txt", "received", 1)
        assert body["sha256"] == hashlib.sha256(content).hexdigest()
        assert (body["size_bytes"], body["media_type"]) == (len(content), "text/plain")
        assert body["created_by"] == {"id": str(owner.pk), "email": owner.email, "name": ""}
        assert (body["error"], body["pages_total"], body["pages_done"]) == (None, None, 0)
        assert client.get(response["Location"]).json()["kind"] == "ingestion"

    def test_gives_the_same_document_for_the_same_bytes(self, client: Client, brain: Brain) -> None:
        first = client.post(address_of(brain), {"file": SimpleUploadedFile("a.txt", b"Text.")})

        second = client.post(address_of(brain), {"file": SimpleUploadedFile("b.txt", b"Text.")})

        assert (first.status_code, second.status_code) == (202, 200)
        assert second.json()["id"] == first.json()["id"]
        assert StoredFile.objects.count() == 1

    @pytest.mark.parametrize(
        "disposition",
        [
            'name="file"; filename="보고서 2026.txt"',
            "name=\"file\"; filename*=UTF-8''%EB%B3%B4%EA%B3%A0%EC%84%9C%202026.txt",
            'name="file"; filename="C:\\\\문서\\\\보고서 2026.txt"',
            'name="file"; filename="../../보고서 2026.txt"',
        ],
        ids=["plain", "RFC 5987", "a path of Windows", "a path"],
    )
    def test_keeps_korean_names(self, client: Client, brain: Brain, disposition: str) -> None:
        response = post_raw(client, brain, part(b"Some text.", disposition))

        assert response.json()["title"] == "보고서 2026.txt"

    def test_takes_a_title(self, client: Client, brain: Brain) -> None:
        file = SimpleUploadedFile("note.txt", b"Text.")

        response = client.post(address_of(brain), {"file": file, "title": " 나의\n보고서 "})

        assert response.json()["title"] == "나의 보고서"

    def test_leaves_nothing_where_uploads_arrive(
        self, client: Client, brain: Brain, uploads: Path
    ) -> None:
        client.post(address_of(brain), {"file": SimpleUploadedFile("note.txt", b"Text.")})

        assert arrived_in(uploads) == []

    def test_works_with_an_api_key(self, owner: User, brain: Brain) -> None:
        _, secret = make_api_key(owner)
        client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {secret}"})

        response = client.post(
            address_of(brain), {"file": SimpleUploadedFile("note.txt", b"Text.")}
        )

        assert response.status_code == 202


def called_pdf(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("report.pdf", content, content_type="application/pdf")


@pytest.mark.django_db
class TestRefusedUpload:
    @pytest.mark.parametrize(
        ("file", "status", "code"),
        [
            (called_pdf(PROGRAM), 415, "type-unsupported"),
            (called_pdf(b"PK\x03\x04\x14\x00an archive"), 415, "type-unsupported"),
            (called_pdf(b""), 400, "file-empty"),
        ],
        ids=["a program called PDF", "an archive called PDF", "an empty file"],
    )
    def test_is_judged_by_its_content(
        self, client: Client, brain: Brain, file: SimpleUploadedFile, status: int, code: str
    ) -> None:
        response = client.post(address_of(brain), {"file": file})

        check_is_problem(response, status, code)
        assert not Document.objects.exists()

    def test_leaves_nothing_behind(self, client: Client, brain: Brain, uploads: Path) -> None:
        client.post(address_of(brain), {"file": called_pdf(PROGRAM)})

        assert arrived_in(uploads) == []
        assert not StoredFile.objects.exists()

    def test_is_too_large_as_soon_as_the_limit_is_passed(
        self, client: Client, brain: Brain, uploads: Path, settings: Settings
    ) -> None:
        settings.UPLOAD_LIMIT_BYTES = 100_000
        file = SimpleUploadedFile("large.txt", b"x" * 100_001)

        response = client.post(address_of(brain), {"file": file})

        check_is_problem(response, 413, "too-large")
        assert arrived_in(uploads) == []

    def test_may_be_as_large_as_the_limit(
        self, client: Client, brain: Brain, settings: Settings
    ) -> None:
        settings.UPLOAD_LIMIT_BYTES = 100_000
        file = SimpleUploadedFile("large.txt", b"x" * 100_000)

        assert client.post(address_of(brain), {"file": file}).status_code == 202

    def test_wants_a_file(self, client: Client, brain: Brain) -> None:
        response = client.post(address_of(brain), {"title": "Nothing"})

        check_is_problem(response, 400, "invalid-input")
        assert "file" in response.json()["fields"]

    def test_wants_a_form(self, client: Client, brain: Brain) -> None:
        response = client.post(address_of(brain), b"text", content_type="text/plain")

        check_is_problem(response, 415, "media-type-unsupported")

    def test_wants_a_form_that_can_be_read(self, client: Client, brain: Brain) -> None:
        response = client.post(address_of(brain), b"rubbish", content_type="multipart/form-data")

        check_is_problem(response, 400, "body-malformed")

    def test_leaves_no_file_of_a_form_that_breaks_off(
        self, client: Client, brain: Brain, uploads: Path
    ) -> None:
        whole = part(b"Some text.", 'name="file"; filename="note.txt"')

        response = post_raw(client, brain, whole[:-30])

        assert response.status_code == 400
        assert arrived_in(uploads) == []


class BrokenBody(io.RawIOBase):
    """A body whose sender goes away after the beginning."""

    def __init__(self, beginning: bytes) -> None:
        self._beginning = io.BytesIO(beginning)
        self.bytes_read = 0

    def read(self, size: int = -1, /) -> bytes:
        piece = self._beginning.read(size)
        if not piece:
            raise ConnectionResetError("the client is gone")
        self.bytes_read += len(piece)
        return piece


def call(brain: Brain, secret: str, body: BrokenBody, *, length: int, **more: str) -> str:
    """The status line for a request of which we decide each byte."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": address_of(brain),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "CONTENT_TYPE": f"multipart/form-data; boundary={BOUNDARY}",
        "CONTENT_LENGTH": str(length),
        "HTTP_AUTHORIZATION": f"Bearer {secret}",
        "wsgi.input": body,
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        **more,
    }
    statuses: list[str] = []

    def start_response(status: str, _: object, __: object = None, /) -> Callable[[bytes], object]:
        statuses.append(status)
        return io.BytesIO().write

    response = application(environ, start_response)
    b"".join(response)
    response.close()
    return statuses[0]


@pytest.mark.django_db(transaction=True)
class TestBody:
    def test_that_ends_early_leaves_no_file(self, uploads: Path) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        beginning = part(b"x" * 200_000, 'name="file"; filename="note.txt"')[:150_000]

        status = call(brain, make_api_key(user)[1], BrokenBody(beginning), length=300_000)

        assert status == "400 Bad Request"
        assert arrived_in(uploads) == []

    def test_that_says_it_is_too_large_is_not_read(self, settings: Settings) -> None:
        settings.UPLOAD_LIMIT_BYTES = 1000
        user = make_user()
        brain = make_brain(owner=user)
        body = BrokenBody(part(b"x" * 200_000, 'name="file"; filename="note.txt"'))

        status = call(brain, make_api_key(user)[1], body, length=3_000_000)

        assert status.startswith("413 ")
        assert body.bytes_read == 0

    def test_of_somebody_who_may_not_upload_is_not_read(self) -> None:
        brain = make_brain(owner=make_user())
        body = BrokenBody(b"x")

        status = call(brain, make_api_key(make_user())[1], body, length=3_000_000)

        assert status == "404 Not Found"
        assert body.bytes_read == 0

    @pytest.mark.parametrize("size", [300, 300_000], ids=["kept in memory", "written at once"])
    def test_on_a_full_disk_is_refused_for_now(
        self, client: Client, brain: Brain, uploads: Path, size: int
    ) -> None:
        file = SimpleUploadedFile("note.txt", b"x" * size)

        with full_disk(after_bytes=100):
            response = client.post(address_of(brain), {"file": file})

        check_is_problem(response, 503, "storage-away")
        assert response["Retry-After"]
        assert arrived_in(uploads) == []
        assert not Document.objects.exists()

    def test_of_unknown_length_is_refused(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)

        status = call(
            brain,
            make_api_key(user)[1],
            BrokenBody(b"x"),
            length=1,
            HTTP_TRANSFER_ENCODING="chunked",
        )

        assert status == "400 Bad Request"


@pytest.fixture
def _first_upload_of_the_process() -> Iterator[None]:
    upload._remove_leftovers.cache_clear()
    yield
    upload._remove_leftovers.cache_clear()


@pytest.mark.django_db
@pytest.mark.usefixtures("_first_upload_of_the_process")
class TestLeftovers:
    def test_of_killed_processes_go_after_a_day(
        self, client: Client, brain: Brain, uploads: Path
    ) -> None:
        uploads.mkdir()
        old, young = uploads / "old.upload.txt", uploads / "young.upload.txt"
        for leftover in (old, young):
            leftover.write_text("half a file")
        yesterday = time.time() - upload.LEFTOVER_SECONDS - 60
        os.utime(old, (yesterday, yesterday))

        client.post(address_of(brain), {"file": SimpleUploadedFile("note.txt", b"Text.")})

        assert arrived_in(uploads) == [young]
