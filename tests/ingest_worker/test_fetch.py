"""Documents that are fetched from an address, from the row to the text."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, connections
from django.db.models.functions import Now
from pytest_django import Settings

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.contracts.tasks import Queue
from chatbot.documents.models import (
    AttemptOutcome,
    Document,
    DocumentVersion,
    IngestionJob,
    JobState,
    StoredFile,
    VersionState,
)
from chatbot.documents.selectors import get_document
from chatbot.documents.services import (
    cancel_document,
    fetch_document,
    files,
    ingestion,
    retry_document,
)
from chatbot.documents.services.ingestion.faults import ADDRESS_WAITS_LIMIT
from chatbot.outbound.addresses import PrivateHosts
from ingest_worker.pipeline import PIPELINES
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import upload, version_of
from tests.fakes.web_server import WebServer, running_web_server
from tests.full_disk import full_disk
from tests.ingesting import run_next

pytestmark = pytest.mark.django_db(transaction=True)
DATA = Path(__file__).resolve().parents[1] / "data"
LIMIT_BYTES = 1024 * 1024
TEXT = b"Some text that is on the web."


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def brain(user: User) -> Brain:
    return make_brain(owner=user)


@pytest.fixture
def server(settings: Settings) -> Iterator[WebServer]:
    settings.OUTBOUND_PRIVATE_HOSTS = PrivateHosts.of(["127.0.0.1"])
    settings.UPLOAD_LIMIT_BYTES = LIMIT_BYTES
    with running_web_server() as running:
        yield running


def fetched(user: User, brain: Brain, url: str, *, title: str = "") -> DocumentVersion:
    """The version after its first job has run."""
    document = fetch_document(user=user, brain_id=brain.pk, url=url, title=title)
    run_next(document)
    return version_of(document)


def stages(version: DocumentVersion) -> set[tuple[str, str]]:
    return set(version.jobs.values_list("stage", "state"))


class TestFetchedDocument:
    def test_has_the_file_and_is_opened(self, user: User, brain: Brain, server: WebServer) -> None:
        content = (DATA / "english.pdf").read_bytes()
        server.gives("/a/report.pdf?key=secret", content)

        version = fetched(user, brain, server.url("/a/report.pdf?key=secret"))

        document = version.document
        assert document.title == "report.pdf"
        assert document.sha256 == hashlib.sha256(content).hexdigest()
        assert (version.size_bytes, version.media_type) == (len(content), "application/pdf")
        with files.open_stored(name=version.storage_name) as stored:
            assert stored.read() == content
        assert {("fetch", "done"), ("open", "done")} <= stages(version)
        assert StoredFile.objects.get().linked_at is not None

    def test_is_read_like_any_other(self, user: User, brain: Brain, server: WebServer) -> None:
        server.gives("/page", (DATA / "page.html").read_bytes())

        version = fetched(user, brain, server.url("/page"))

        assert version.pages.exclude(text="").exists()

    @pytest.mark.parametrize(
        ("title", "headers", "expected"),
        [
            ("", "", "note.md"),
            ("", 'Content-Disposition: attachment; filename="../a\u200bb.md"\r\n', "a b.md"),
            ("Mine", 'Content-Disposition: attachment; filename="b.md"\r\n', "Mine"),
        ],
        ids=["by the address", "by the server", "by the person"],
    )
    def test_has_a_title(
        self,
        user: User,
        brain: Brain,
        server: WebServer,
        title: str,
        headers: str,
        expected: str,
    ) -> None:
        server.gives("/note.md", TEXT, headers=headers)

        version = fetched(user, brain, server.url("/note.md"), title=title)

        assert version.document.title == expected
        assert version.media_type == "text/markdown"


class TestFetchThatFails:
    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            ((TEXT, "404 Not Found"), "url-failed"),
            ((b"", "200 OK"), "file-empty"),
            ((b"MZ\x90\x00\x03\x00\x00\x00", "200 OK"), "type-unsupported"),
            ((b"x" * (LIMIT_BYTES + 1), "200 OK"), "file-too-large"),
        ],
        ids=["status", "empty", "type", "size"],
    )
    def test_tells_why(
        self,
        user: User,
        brain: Brain,
        server: WebServer,
        answer: tuple[bytes, str],
        code: str,
    ) -> None:
        content, status = answer
        server.gives("/note.txt?key=secret", content, status=status)

        version = fetched(user, brain, server.url("/note.txt?key=secret"))

        assert (version.state, version.error_code) == (VersionState.FAILED, code)
        assert version.error_sentence
        assert (version.storage_name, version.document.sha256) == ("", "")
        assert not StoredFile.objects.exists()
        assert "secret" not in version.jobs.get().error_detail

    def test_reaches_no_private_address(self, user: User, brain: Brain, server: WebServer) -> None:
        server.redirects("/", "http://169.254.169.254/latest/meta-data/")

        version = fetched(user, brain, server.url("/"))

        assert (version.state, version.error_code) == (VersionState.FAILED, "url-refused")

    def test_is_fetched_again_when_somebody_tries_again(
        self, user: User, brain: Brain, server: WebServer
    ) -> None:
        server.gives("/note.txt", b"", status="403 Forbidden")
        server.gives("/note.txt", TEXT)
        failed = fetched(user, brain, server.url("/note.txt"))

        retry_document(user=user, document_id=failed.document_id)
        run_next(failed.document)

        version = version_of(failed.document)
        assert failed.state == VersionState.FAILED
        assert version.size_bytes == len(TEXT)
        assert {("fetch", "done"), ("open", "done")} <= stages(version)

    def test_names_the_document_that_has_the_same_file(
        self, user: User, brain: Brain, server: WebServer
    ) -> None:
        present = upload(user, brain, TEXT).document
        server.gives("/note.txt", TEXT)

        version = fetched(user, brain, server.url("/note.txt"))

        document = get_document(user=user, document_id=version.document_id)
        assert (version.state, version.error_code) == (VersionState.FAILED, "same-file-present")
        assert getattr(document, "same_as", None) == present.pk
        assert document.sha256 == ""
        assert StoredFile.objects.count() == 1

    def test_names_the_document_of_another_part_of_the_same_page(
        self, user: User, brain: Brain, server: WebServer
    ) -> None:
        server.gives("/note.txt", TEXT)
        first = fetched(user, brain, server.url("/note.txt#one"))

        second = fetched(user, brain, server.url("/note.txt#two"))

        document = get_document(user=user, document_id=second.document_id)
        assert getattr(document, "same_as", None) == first.document_id
        assert document.source_url == first.document.source_url == server.url("/note.txt")
        assert all(b"#" not in request for request in server.requests)

    def test_succeeds_once_the_same_file_is_gone(
        self, user: User, brain: Brain, server: WebServer
    ) -> None:
        present = upload(user, brain, TEXT).document
        server.gives("/note.txt", TEXT)
        failed = fetched(user, brain, server.url("/note.txt"))
        Document.objects.filter(pk=present.pk).delete()

        retry_document(user=user, document_id=failed.document_id)
        run_next(failed.document)

        document = get_document(user=user, document_id=failed.document_id)
        assert document.sha256 == hashlib.sha256(TEXT).hexdigest()
        assert getattr(document, "same_as", None) is None


def due_again(version: DocumentVersion) -> None:
    IngestionJob.objects.filter(version=version).update(run_after=Now())


class TestServerThatIsAway:
    def test_is_asked_again_later(self, user: User, brain: Brain, server: WebServer) -> None:
        server.gives("/note.txt", b"", status="503 Away")
        server.gives("/note.txt", TEXT)
        version = fetched(user, brain, server.url("/note.txt"))
        waiting = version.jobs.get()
        due_again(version)

        run_next(version.document)

        assert (waiting.state, waiting.error_code) == (JobState.QUEUED, "url-unanswered")
        assert (waiting.waits, waiting.faults) == (1, 0)
        assert version_of(version.document).size_bytes == len(TEXT)

    def test_is_given_up_after_a_while(self, user: User, brain: Brain, server: WebServer) -> None:
        server.gives("/note.txt", b"", status="503 Away")
        version = fetched(user, brain, server.url("/note.txt"))

        for _ in range(ADDRESS_WAITS_LIMIT - 1):
            due_again(version)
            run_next(version.document)

        ended = version_of(version.document)
        assert (ended.state, ended.error_code) == (VersionState.FAILED, "url-unanswered")
        assert len(server.requests) == ADDRESS_WAITS_LIMIT

    def test_is_not_given_up_because_our_storage_was_away(
        self, user: User, brain: Brain, server: WebServer
    ) -> None:
        server.gives("/note.txt", b"", status="503 Away")
        document = fetch_document(user=user, brain_id=brain.pk, url=server.url("/note.txt"))
        IngestionJob.objects.update(waits=100)

        run_next(document)

        assert version_of(document).state == VersionState.READING

    def test_waits_for_room_on_the_disk(self, user: User, brain: Brain, server: WebServer) -> None:
        server.gives("/note.txt", b"A note.\n" * 10_000)
        document = fetch_document(user=user, brain_id=brain.pk, url=server.url("/note.txt"))

        with full_disk(after_bytes=100):
            run_next(document)

        job = version_of(document).jobs.get()
        assert (job.state, job.error_code, job.faults) == (JobState.QUEUED, "storage-away", 0)
        assert not StoredFile.objects.exists()
        IngestionJob.objects.update(run_after=Now())
        run_next(document)
        assert ("fetch", "done") in stages(version_of(document))


class TestFetchInProgress:
    @pytest.fixture
    def slow(self, server: WebServer) -> WebServer:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
        server.answers["/slow.txt"] = [[head, *[b"x"] * 100]]
        server.seconds_between = 0.1
        return server

    def test_stops_when_its_document_is_cancelled(
        self, user: User, brain: Brain, slow: WebServer
    ) -> None:
        document = fetch_document(user=user, brain_id=brain.pk, url=slow.url("/slow.txt"))
        keeper = ingestion.LeaseKeeper(queue=Queue.INGEST_WORKER, worker="test")
        job = IngestionJob.objects.get()

        def cancel() -> None:
            cancel_document(user=user, document_id=document.pk)
            keeper.renew()
            connection.close()

        timer = threading.Timer(0.5, cancel)
        timer.start()
        ingestion.run_job(job_id=job.pk, keeper=keeper, pipelines=PIPELINES)
        timer.join()

        version = version_of(document)
        assert (version.state, version.storage_name) == (VersionState.CANCELLED, "")
        assert job.attempts.get().outcome == AttemptOutcome.CANCELLED
        assert not StoredFile.objects.exists()

    def test_holds_no_connection_to_the_database(
        self, user: User, brain: Brain, server: WebServer
    ) -> None:
        database = connections["default"]
        held = []

        def pieces() -> Iterator[bytes]:
            held.append(database.connection is not None)
            yield b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nText"

        server.answers["/note.txt"] = [pieces()]

        version = fetched(user, brain, server.url("/note.txt"))

        assert held == [False]
        assert version.size_bytes == 4

    def test_is_repaired_by_fetching(self, user: User, brain: Brain) -> None:
        document = fetch_document(user=user, brain_id=brain.pk, url="https://a.example/a.txt")
        IngestionJob.objects.all().delete()
        DocumentVersion.objects.update(created_at="2026-01-01T00:00:00Z")

        ingestion.repair_versions()

        assert stages(version_of(document)) == {("fetch", "queued")}
