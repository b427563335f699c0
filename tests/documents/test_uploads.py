"""Uploading a file."""

import hashlib
import unicodedata
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError, connection, connections
from django.utils import timezone
from pytest_django import Settings

from chatbot.accounts.models import User
from chatbot.brains.models import BrainRole
from chatbot.contracts import media_types
from chatbot.contracts.errors import (
    AppError,
    InvalidInput,
    NotAllowed,
    NotFound,
    TooLarge,
    UnsupportedType,
)
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import Document, JobState, StoredFile, VersionState
from chatbot.documents.services import UploadResult, files, upload_document
from tests.factories.accounts import make_user
from tests.factories.brains import add_member, make_brain
from tests.factories.documents import make_file, upload, version_of
from tests.listening import events_of
from tests.stored_files import break_after_commit

DATA = Path(__file__).resolve().parents[1] / "data"

pytestmark = pytest.mark.django_db


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def upload_bytes(user: User, content: bytes, *, name: str = "note.txt") -> UploadResult:
    """An upload of these very bytes into a new brain of the user."""
    with make_file(content, name=name) as file:
        return upload_document(
            user=user,
            brain_id=make_brain(owner=user).pk,
            file=file,
            title="",
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
        )


def store(name: str, content: bytes = b"content") -> None:
    with make_file(content) as file:
        files.store_file(name=name, file=file)


class TestUploadDocument:
    def test_stores_the_file_and_queues_its_ingestion(self, stored: Path) -> None:
        user = make_user()
        brain = make_brain(owner=user)

        result = upload(user, brain, b"# Hello", name="notes.md")

        version = version_of(result.document)
        job = version.jobs.get()
        assert result.created
        assert result.document.title == "notes.md"
        assert result.document.current_version == version
        assert version.state == VersionState.RECEIVED
        assert version.media_type == media_types.MARKDOWN
        assert version.size_bytes == 7
        assert (job.stage, job.state) == (Stage.OPEN, JobState.QUEUED)
        assert [path.read_bytes() for path in files_in(stored)] == [b"# Hello"]
        assert version.storage_name.startswith(f"documents/{result.document.sha256[:2]}/")

    @pytest.mark.django_db(transaction=True)
    def test_tells_the_browsers(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)

        with events_of(brain) as events:
            document = upload(user, brain, title="Plans").document

        assert events == [
            {
                "type": "document.changed",
                "brain": str(brain.pk),
                "document": str(document.pk),
                "title": "Plans",
                "state": "received",
                "pages_total": None,
                "pages_done": 0,
                "error": None,
                "next": None,
                "deleted": False,
            }
        ]

    def test_gives_the_same_document_back_for_the_same_bytes(self, stored: Path) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        first = upload(user, brain, b"The same", name="a.txt")

        second = upload(user, brain, b"The same", name="b.txt")

        assert second == UploadResult(first.document, created=False)
        assert second.document.current_version is not None
        assert len(files_in(stored)) == 1

    def test_keeps_the_same_bytes_apart_in_different_brains(self) -> None:
        user = make_user()

        first = upload(user, make_brain(owner=user), b"The same")
        second = upload(user, make_brain(owner=user), b"The same")

        assert second.created
        assert first.document != second.document

    @pytest.mark.parametrize(
        ("role", "error"),
        [(None, NotFound), (BrainRole.VIEWER, NotAllowed)],
        ids=["stranger", "viewer"],
    )
    def test_needs_an_editor(
        self, role: BrainRole | None, error: type[AppError], stored: Path
    ) -> None:
        brain = make_brain(owner=make_user())
        user = make_user()
        roles = [role] if role else []
        memberships = [add_member(brain, user, role) for role in roles]

        with pytest.raises(error):
            upload(user, brain)

        assert len(memberships) == len(roles)
        assert files_in(stored) == []
        assert not Document.objects.exists()

    def test_refuses_an_empty_file(self) -> None:
        user = make_user()

        with pytest.raises(InvalidInput) as caught:
            upload_bytes(user, b"")

        assert caught.value.error_code == "file-empty"

    def test_refuses_more_than_the_limit(self, settings: Settings) -> None:
        settings.UPLOAD_LIMIT_BYTES = 10

        with pytest.raises(TooLarge):
            upload_bytes(make_user(), b"more than ten bytes")

    @pytest.mark.parametrize(
        ("content", "name"),
        [
            (b"MZ\x90\x00\x03\x00\x00\x00", "report.pdf"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old.doc"),
            (b"PK\x03\x04nothing of Office", "archive.docx"),
            (b"%!PS-Adobe-3.0", "letter.ps"),
            (b"HWP Document File V3.00 \x1a\x01\x02\x03", "old.hwp"),
        ],
        ids=["program", "old-office", "zip", "postscript", "old-hwp"],
    )
    def test_refuses_types_that_cannot_be_read(
        self, content: bytes, name: str, stored: Path
    ) -> None:
        with pytest.raises(UnsupportedType) as caught:
            upload_bytes(make_user(), content, name=name)

        assert caught.value.way_out
        assert files_in(stored) == []

    @pytest.mark.parametrize(
        ("content", "name", "media_type"),
        [
            (b"%PDF-1.7\n", "report.txt", media_types.PDF),
            (b"\x89PNG\r\n\x1a\n....", "scan", media_types.PNG),
            ("안녕하세요".encode("cp949"), "memo.txt", media_types.TEXT),
            ("안녕".encode("utf-16"), "memo.txt", media_types.TEXT),
            (b"a,b\n1,2\n", "table.csv", media_types.CSV),
            (b"<!DOCTYPE html><p>Hi", "page.txt", media_types.HTML),
            ((DATA / "textbox.hwp").read_bytes(), "report.doc", media_types.HWP),
            ((DATA / "header.hwpx").read_bytes(), "report.zip", media_types.HWPX),
        ],
        ids=["pdf", "png", "cp949", "utf-16", "csv", "html", "hwp", "hwpx"],
    )
    def test_believes_the_content_before_the_name(
        self, content: bytes, name: str, media_type: str
    ) -> None:
        result = upload_bytes(make_user(), content, name=name)

        assert version_of(result.document).media_type == media_type

    def test_composes_the_syllables_of_a_name(self) -> None:
        name = unicodedata.normalize("NFD", "보고서.txt")

        result = upload_bytes(make_user(), b"text", name=name)

        assert result.document.title == "보고서.txt"

    def test_leaves_no_file_when_the_rows_cannot_be_written(
        self, stored: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(files, "link_file", lambda **_: False)

        with pytest.raises(files.StorageAway):
            upload_bytes(make_user(), b"text")

        assert files_in(stored) == []
        assert not StoredFile.objects.exists()
        assert not Document.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_keeps_the_file_when_it_fails_after_the_commit(
        self, stored: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        break_after_commit(monkeypatch)

        with pytest.raises(OperationalError):
            upload_bytes(make_user(), b"text")

        assert Document.objects.count() == 1
        assert len(files_in(stored)) == 1

    def test_stores_nothing_when_the_storage_is_away(self, stored: Path) -> None:
        user = make_user()
        (stored / "documents").write_bytes(b"a file where the folder should be")

        with pytest.raises(files.StorageAway):
            upload_bytes(user, b"text")

        assert not Document.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_survives_a_race_with_the_same_bytes(self, stored: Path) -> None:
        user = make_user()
        brain = make_brain(owner=user)

        def one(_: int) -> UploadResult:
            try:
                return upload(user, brain, b"The same bytes, several times at once")
            finally:
                connections.close_all()

        with ThreadPoolExecutor(8) as threads:
            results = list(threads.map(one, range(8)))

        assert len({result.document.pk for result in results}) == 1
        assert [result.created for result in results].count(True) == 1
        assert len(files_in(stored)) == 1
        assert StoredFile.objects.count() == 1


def make_stubborn(stored: Path, name: str) -> None:
    """A file that the storage can't remove: a folder that isn't empty stands in its place."""
    (stored / name / "more").mkdir(parents=True)
    StoredFile.objects.create(name=name, linked_at=timezone.now())


class TestRemoveFiles:
    NAMES = ("documents/ab/1", "documents/ab/2")

    def test_goes_on_after_one_that_can_not_be_removed(self, stored: Path) -> None:
        make_stubborn(stored, self.NAMES[0])
        store(self.NAMES[1])

        files.remove_files(names=list(self.NAMES))

        assert files_in(stored) == []

    def test_leaves_the_others_for_later_when_the_storage_takes_its_time(
        self, stored: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(files, "PATIENCE_SECONDS", 0.0)
        make_stubborn(stored, self.NAMES[0])
        store(self.NAMES[1])

        files.remove_files(names=list(self.NAMES))

        assert len(files_in(stored)) == 1
        assert StoredFile.objects.count() == 2


class TestRemoveOrphans:
    def test_goes_on_after_one_that_can_not_be_removed(self, stored: Path) -> None:
        make_stubborn(stored, "documents/ab/1")
        store("documents/ab/2")
        StoredFile.objects.update(linked_at=timezone.now())

        removed = files.remove_orphans()

        assert removed == 1
        assert files_in(stored) == []

    def test_removes_files_whose_rows_went_with_their_brain(self, stored: Path) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        upload(user, brain)
        kept = upload(user, make_brain(owner=user))
        brain.delete()

        removed = files.remove_orphans()

        assert removed == 1
        assert [path.name for path in files_in(stored)] == [
            Path(version_of(kept.document).storage_name).name
        ]

    def test_leaves_an_upload_alone_that_is_under_way(self, stored: Path) -> None:
        store("documents/ab/new")

        removed = files.remove_orphans()

        assert removed == 0
        assert len(files_in(stored)) == 1

    def test_removes_an_upload_that_was_never_finished(self, stored: Path) -> None:
        store("documents/ab/old")
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE documents_storedfile SET created_at = now() - interval '2 hours'"
            )

        removed = files.remove_orphans()

        assert removed == 1
        assert files_in(stored) == []
        assert not StoredFile.objects.exists()


class TestLocalFile:
    def test_is_the_stored_file_itself(self) -> None:
        name = f"documents/{uuid.uuid4()}"
        store(name, b"content")

        with files.local_file(name=name) as path:
            assert path == Path(default_storage.path(name))
            assert path.read_bytes() == b"content"

    def test_is_the_documents_fault_if_it_is_gone(self) -> None:
        with (
            pytest.raises(AppError) as caught,
            files.local_file(name="documents/gone"),
        ):
            pass

        assert caught.value.error_code == "file-missing"

    def test_is_not_the_documents_fault_if_the_whole_disk_is_gone(self, stored: Path) -> None:
        stored.rmdir()

        with (
            pytest.raises(files.StorageAway),
            files.local_file(name="documents/gone"),
        ):
            pass
