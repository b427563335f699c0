"""tus 1.0, as a client sees it."""

import base64
import hashlib
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from chatbot.accounts.models import User
from chatbot.brains.models import Brain, BrainRole
from chatbot.documents.models import Document, StoredFile
from chatbot.uploads.models import Upload, UploadPart
from chatbot.wsgi import application
from tests.api.problems import check_is_problem
from tests.api.test_uploads import BrokenBody
from tests.factories.accounts import make_api_key, make_user
from tests.factories.brains import add_member, make_brain
from tests.factories.documents import make_document
from tests.factories.uploads import begin_upload
from tests.factories.uploads import send as store

pytestmark = pytest.mark.django_db
BYTES = "application/offset+octet-stream"
CONTENT = "안녕하세요. Hello.\n".encode() * 20
TUS = {"Tus-Resumable": "1.0.0"}


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


def metadata(**told: object) -> str:
    return ",".join(
        f"{key} {base64.b64encode(str(value).encode()).decode()}" for key, value in told.items()
    )


def begin(
    client: Client,
    brain: Brain,
    *,
    length: object = len(CONTENT),
    body: bytes = b"",
    **told: object,
) -> Any:  # noqa: ANN401 - a test response
    told = {"brain": brain.pk, "filename": "note.txt", **told}
    return client.post(
        "/api/v1/uploads",
        body,
        content_type=BYTES,
        headers={**TUS, "Upload-Length": str(length), "Upload-Metadata": metadata(**told)},
    )


def send(client: Client, address: str, content: bytes, *, offset: object = 0, **more: str) -> Any:  # noqa: ANN401 - a test response
    headers = {**TUS, "Upload-Offset": str(offset), **more}
    return client.patch(address, content, content_type=BYTES, headers=headers)


def position(client: Client, address: str) -> Any:  # noqa: ANN401 - a test response
    return client.head(address, headers=TUS)


class TestOptions:
    def test_tell_everybody_what_the_server_can_do(self, settings: Settings) -> None:
        settings.UPLOAD_LIMIT_BYTES = 1000

        response = Client().options("/api/v1/uploads")

        assert (response.status_code, response["Tus-Version"]) == (204, "1.0.0")
        assert response["Tus-Max-Size"] == "1000"
        assert {"creation", "checksum", "termination"} < set(response["Tus-Extension"].split(","))


class TestCreation:
    def test_answers_where_the_bytes_go(self, client: Client, brain: Brain) -> None:
        response = begin(client, brain, title="나의 보고서")

        upload = Upload.objects.get()
        assert response.status_code == 201
        assert response["Location"] == f"/api/v1/uploads/{upload.pk}"
        assert response["Upload-Expires"].endswith("GMT")
        assert response["Tus-Resumable"] == "1.0.0"
        assert (upload.title, upload.filename, upload.length) == (
            "나의 보고서",
            "note.txt",
            len(CONTENT),
        )

    def test_takes_the_first_bytes(self, client: Client, brain: Brain) -> None:
        response = begin(client, brain, body=CONTENT[:10])

        assert (response.status_code, response["Upload-Offset"]) == (201, "10")

    def test_takes_all_of_the_bytes(self, client: Client, brain: Brain) -> None:
        response = begin(client, brain, body=CONTENT)

        assert response["Upload-Document"] == f"/api/v1/documents/{Document.objects.get().pk}"

    @pytest.mark.parametrize(
        ("length", "status", "code"),
        [
            (0, 400, "file-empty"),
            (-1, 400, "header-malformed"),
            ("", 400, "header-malformed"),
            ("9" * 30, 400, "header-malformed"),
            (10**12, 413, "too-large"),
        ],
    )
    def test_checks_the_length(
        self, client: Client, brain: Brain, length: object, status: int, code: str
    ) -> None:
        check_is_problem(begin(client, brain, length=length), status, code)

    @pytest.mark.parametrize(
        ("told", "status", "code"),
        [
            ("brain !!", 400, "header-malformed"),
            ("brain /w==", 400, "header-malformed"),
            ("", 400, "invalid-input"),
            (metadata(brain="no id"), 400, "invalid-input"),
            (metadata(brain="x", filename="a" * 9000), 400, "header-malformed"),
        ],
        ids=["no Base64", "no UTF-8", "nothing", "no id", "too long"],
    )
    def test_checks_the_metadata(self, client: Client, told: str, status: int, code: str) -> None:
        headers = {**TUS, "Upload-Length": "5", "Upload-Metadata": told}

        response = client.post("/api/v1/uploads", b"", content_type=BYTES, headers=headers)

        check_is_problem(response, status, code)

    def test_wants_the_version_of_the_protocol(self, client: Client) -> None:
        response = client.post("/api/v1/uploads", b"", content_type=BYTES)

        check_is_problem(response, 412, "tus-version-unsupported")
        assert response["Tus-Version"] == "1.0.0"

    def test_needs_an_editor(self, client: Client, owner: User) -> None:
        brain = make_brain(owner=make_user())
        add_member(brain, owner, BrainRole.VIEWER)

        check_is_problem(begin(client, brain), 403, "role-too-low")

    def test_has_a_limit_of_uploads(self, client: Client, brain: Brain, settings: Settings) -> None:
        settings.UNFINISHED_UPLOADS = 1
        begin(client, brain)

        response = begin(client, brain)

        check_is_problem(response, 429, "uploads-unfinished")
        assert response["Retry-After"]

    def test_has_a_limit_of_bytes(self, client: Client, brain: Brain, settings: Settings) -> None:
        settings.UNFINISHED_UPLOADS_BYTES = 100
        begin(client, brain, length=60)

        check_is_problem(begin(client, brain, length=60), 429, "uploads-unfinished")

    def test_has_a_limit_of_documents(
        self, client: Client, brain: Brain, settings: Settings
    ) -> None:
        settings.UNFINISHED_DOCUMENTS_LIMIT = 1
        make_document(brain)

        check_is_problem(begin(client, brain), 429, "documents-unfinished")


class TestSending:
    def test_makes_the_document_with_the_last_byte(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain)["Location"]

        first = send(client, address, CONTENT[:10])
        second = send(client, address, CONTENT[10:], offset=10)

        document = Document.objects.get()
        assert (first.status_code, first["Upload-Offset"]) == (204, "10")
        assert (second.status_code, second["Upload-Offset"]) == (204, str(len(CONTENT)))
        assert second["Upload-Document"] == f"/api/v1/documents/{document.pk}"
        assert document.sha256 == hashlib.sha256(CONTENT).hexdigest()
        assert document.title == "note.txt"
        assert b"".join(client.get(f"{second['Upload-Document']}/file")) == CONTENT

    def test_leaves_one_file(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain)["Location"]
        send(client, address, CONTENT[:10])
        send(client, address, CONTENT[10:], offset=10)

        assert StoredFile.objects.count() == 1
        assert not UploadPart.objects.exists()

    def test_finds_the_document_of_the_same_bytes(self, client: Client, brain: Brain) -> None:
        first = begin(client, brain, body=CONTENT)

        second = begin(client, brain, body=CONTENT)

        assert second["Upload-Document"] == first["Upload-Document"]

    def test_tells_how_far_it_is(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain)["Location"]
        send(client, address, CONTENT[:10])

        head, body = position(client, address), client.get(address).json()

        assert (head["Upload-Offset"], head["Upload-Length"]) == ("10", str(len(CONTENT)))
        assert head["Cache-Control"] == "no-store"
        assert (body["state"], body["offset"], body["document"]) == ("receiving", 10, None)

    def test_goes_on_only_where_it_stands(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain)["Location"]
        send(client, address, CONTENT[:10])

        check_is_problem(send(client, address, CONTENT), 409, "offset-differs")

    def test_refuses_more_than_was_announced(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain, length=5)["Location"]

        check_is_problem(send(client, address, b"123456"), 413, "upload-too-long")

    def test_wants_bytes(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain)["Location"]

        response = client.patch(
            address, b"{}", content_type="application/json", headers={**TUS, "Upload-Offset": "0"}
        )

        check_is_problem(response, 415, "media-type-unsupported")

    def test_of_somebody_else_is_not_there(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain)["Location"]
        editor = make_user()
        add_member(brain, editor, BrainRole.EDITOR)
        other = Client()
        other.force_login(editor)

        assert position(other, address).status_code == 404
        check_is_problem(send(other, address, CONTENT), 404, "not-found")

    def test_is_possible_where_only_post_passes(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain)["Location"]
        headers = {**TUS, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}

        response = client.post(address, CONTENT, content_type=BYTES, headers=headers)

        assert response.status_code == 204

    def test_by_another_request_is_waited_for(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain)["Location"]
        Upload.objects.update(
            writer="00000000-0000-0000-0000-000000000000",
            writer_until=timezone.now() + timedelta(seconds=9),
        )

        check_is_problem(send(client, address, CONTENT), 423, "upload-busy")


class TestChecksum:
    @pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
    def test_that_fits_is_accepted(self, client: Client, brain: Brain, algorithm: str) -> None:
        address = begin(client, brain)["Location"]
        digest = base64.b64encode(hashlib.new(algorithm, CONTENT).digest()).decode()

        response = send(client, address, CONTENT, **{"Upload-Checksum": f"{algorithm} {digest}"})

        assert response.status_code == 204

    def test_that_does_not_fit_adds_nothing(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain)["Location"]
        digest = base64.b64encode(hashlib.sha1(b"other").digest()).decode()  # noqa: S324 - tus

        response = send(client, address, CONTENT, **{"Upload-Checksum": f"sha1 {digest}"})

        check_is_problem(response, 460, "checksum-differs")
        assert position(client, address)["Upload-Offset"] == "0"

    def test_of_an_unknown_kind_is_refused(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain)["Location"]

        response = send(client, address, CONTENT, **{"Upload-Checksum": "md5 AAAA"})

        check_is_problem(response, 400, "checksum-unsupported")


class TestEnd:
    def test_of_a_file_that_cannot_be_read_is_told(self, client: Client, brain: Brain) -> None:
        program = b"MZ\x90\x00\x03\x00\x00\x00"
        address = begin(client, brain, length=len(program))["Location"]

        response = send(client, address, program)
        body = client.get(address).json()

        check_is_problem(response, 415, "type-unsupported")
        assert (body["state"], body["error"]["code"]) == ("failed", "type-unsupported")
        assert position(client, address).status_code == 410
        assert not StoredFile.objects.exists()

    def test_needs_the_role_that_the_beginning_needed(
        self, client: Client, brain: Brain, owner: User
    ) -> None:
        address = begin(client, brain)["Location"]
        brain.memberships.filter(user=owner).update(role=BrainRole.VIEWER)

        check_is_problem(send(client, address, CONTENT), 403, "role-too-low")
        assert not Document.objects.exists()

    def test_can_be_asked_for_again_after_the_storage_was_away(
        self, client: Client, brain: Brain, owner: User, settings: Settings, tmp_path: Path
    ) -> None:
        upload = begin_upload(owner, brain, length=len(CONTENT))
        store(upload, CONTENT)
        address = f"/api/v1/uploads/{upload.pk}"
        storages = settings.STORAGES
        settings.STORAGES = {**storages, "default": unmounted(tmp_path)}

        away = send(client, address, b"", offset=len(CONTENT))
        waiting = position(client, address)
        settings.STORAGES = storages
        finished = position(client, address)

        check_is_problem(away, 503, "storage-away")
        assert (waiting.status_code, finished.status_code) == (423, 200)
        assert finished["Upload-Document"] == f"/api/v1/documents/{Document.objects.get().pk}"

    def test_can_be_asked_for_when_all_is_there_only(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain)["Location"]

        check_is_problem(client.post(f"{address}/finish"), 409, "upload-incomplete")

    def test_may_be_asked_for_twice(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain, body=CONTENT)["Location"]

        responses = [
            client.post(f"{address}/finish"),
            send(client, address, b"", offset=len(CONTENT)),
        ]

        assert [response.status_code for response in responses] == [200, 204]
        assert Document.objects.count() == 1


class TestTermination:
    def test_forgets_the_bytes(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain, body=CONTENT[:10])["Location"]

        response = client.delete(address, headers=TUS)

        assert response.status_code == 204
        assert position(client, address).status_code == 404
        assert not StoredFile.objects.exists()


class TestExpiry:
    def test_is_told(self, client: Client, brain: Brain) -> None:
        address = begin(client, brain)["Location"]
        Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

        assert position(client, address).status_code == 410
        check_is_problem(send(client, address, CONTENT), 410, "upload-expired")


def unmounted(folder: Path) -> dict[str, Any]:
    """A storage whose disk isn't there."""
    return {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(folder / "unmounted")},
    }


@pytest.mark.django_db(transaction=True)
class TestBrokenConnection:
    def test_keeps_what_has_arrived(self) -> None:
        user = make_user()
        upload = begin_upload(user, make_brain(owner=user), length=300_000)
        environ = {
            "REQUEST_METHOD": "PATCH",
            "PATH_INFO": f"/api/v1/uploads/{upload.pk}",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "CONTENT_TYPE": BYTES,
            "CONTENT_LENGTH": "300000",
            "HTTP_TUS_RESUMABLE": "1.0.0",
            "HTTP_UPLOAD_OFFSET": "0",
            "HTTP_AUTHORIZATION": f"Bearer {make_api_key(user)[1]}",
            "wsgi.input": BrokenBody(b"x" * 150_000),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
        }

        response = application(environ, lambda *_: io.BytesIO().write)
        response.close()

        upload.refresh_from_db()
        assert (upload.offset, upload.writer) == (150_000, None)
