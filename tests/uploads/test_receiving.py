"""Bytes that come in pieces, from whom and how they like."""

import threading
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.contracts.errors import Locked, TooLarge
from chatbot.documents.models import StoredFile
from chatbot.documents.services import files
from chatbot.uploads.models import Upload, UploadPart, UploadState
from chatbot.uploads.services import receiving
from chatbot.uploads.services.finishing import finish_upload
from chatbot.uploads.services.receiving import receive
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.uploads import begin_upload, send
from tests.full_disk import full_disk
from tests.stored_files import break_after_commit

MEGABYTE = 1024 * 1024
MEMORY_BYTES = 4 * MEGABYTE
PATIENCE_SECONDS = 20


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def brain(user: User) -> Brain:
    return make_brain(owner=user)


@pytest.mark.django_db
class TestReceive:
    def test_puts_drops_together(self, user: User, brain: Brain) -> None:
        content = b"".join(f"Line {number}\n".encode() for number in range(1000))
        upload = begin_upload(user, brain, length=len(content))

        for start in range(0, len(content), 500):
            send(upload, content[start : start + 500], offset=start)

        parts = list(UploadPart.objects.all())
        assert [part.size_bytes for part in parts] == [len(content)]
        with files.open_stored(name=parts[0].storage_name) as stored:
            assert stored.read() == content
        assert StoredFile.objects.count() == 1

    def test_stores_as_it_goes(
        self, user: User, brain: Brain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(receiving, "PART_BYTES", 1000)
        monkeypatch.setattr(receiving, "LEAST_PART_BYTES", 100)
        upload = begin_upload(user, brain, length=2500)

        receive(user=user, upload_id=upload.pk, offset=0, pieces=[b"x" * 500] * 5)

        sizes = [part.size_bytes for part in UploadPart.objects.all()]
        assert sizes == [1000, 1000, 500]
        assert Upload.objects.get().state == UploadState.COMPLETE

    def test_keeps_what_was_stored_before_it_failed(
        self, user: User, brain: Brain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(receiving, "PART_BYTES", 1000)
        upload = begin_upload(user, brain, length=1500)

        with pytest.raises(TooLarge):
            receive(user=user, upload_id=upload.pk, offset=0, pieces=[b"x" * 1000] * 2)

        upload.refresh_from_db()
        assert (upload.offset, upload.writer) == (1000, None)

    @pytest.mark.parametrize("size", [300, 300_000], ids=["kept in memory", "written at once"])
    def test_waits_for_room_on_the_disk(self, user: User, brain: Brain, size: int) -> None:
        upload = begin_upload(user, brain, length=size)

        with full_disk(after_bytes=100), pytest.raises(files.StorageAway):
            send(upload, b"x" * size)

        upload.refresh_from_db()
        assert (upload.offset, upload.writer) == (0, None)
        assert send(upload, b"x" * size).state == UploadState.COMPLETE

    def test_waits_for_room_for_the_whole_file(self, user: User, brain: Brain) -> None:
        upload = begin_upload(user, brain, length=300)
        send(upload, b"x" * 300)

        with full_disk(after_bytes=100), pytest.raises(files.StorageAway):
            finish_upload(user=user, upload_id=upload.pk)

        finish_upload(user=user, upload_id=upload.pk)
        assert Upload.objects.get().state == UploadState.DONE

    def test_needs_memory_for_a_piece_only(self, user: User, brain: Brain) -> None:
        upload = begin_upload(user, brain, length=40 * MEGABYTE)
        tracemalloc.start()

        receive(user=user, upload_id=upload.pk, offset=0, pieces=megabytes(40))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert peak < MEMORY_BYTES
        assert Upload.objects.get().offset == 40 * MEGABYTE

    def test_leaves_nothing_where_uploads_arrive(
        self, user: User, brain: Brain, stored: Path
    ) -> None:
        upload = begin_upload(user, brain, length=10)
        send(upload, b"Some text.")
        finish_upload(user=user, upload_id=upload.pk)

        assert list((stored.parent / "uploads").iterdir()) == []
        assert len([path for path in stored.rglob("*") if path.is_file()]) == 1


def megabytes(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x" * MEGABYTE


class SlowSender:
    """Sends a first piece, and the second when it is told to."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.may_go_on = threading.Event()
        self.has_ended = threading.Event()

    def end(self) -> None:
        """Sends the rest, and waits for the answer."""
        self.may_go_on.set()
        assert self.has_ended.wait(PATIENCE_SECONDS)

    def pieces(self) -> Iterator[bytes]:
        yield b"a" * 5
        self.has_begun.set()
        assert self.may_go_on.wait(PATIENCE_SECONDS)
        yield b"a" * 5


@pytest.mark.django_db(transaction=True)
class TestWriters:
    @pytest.fixture
    def upload(self, user: User, brain: Brain) -> Upload:
        return begin_upload(user, brain, length=10)

    @pytest.fixture
    def raised(self) -> list[Exception]:
        """What the slow sender got."""
        return []

    @pytest.fixture
    def slow(self, upload: Upload, raised: list[Exception]) -> Iterator[SlowSender]:
        """In the middle of its request."""
        sender = SlowSender()

        def run() -> None:
            try:
                receive(user=upload.user, upload_id=upload.pk, offset=0, pieces=sender.pieces())
            except Locked as error:
                raised.append(error)
            finally:
                connection.close()
                sender.has_ended.set()

        threading.Thread(target=run).start()
        assert sender.has_begun.wait(PATIENCE_SECONDS)
        yield sender
        sender.end()

    def test_write_one_at_a_time(
        self, upload: Upload, slow: SlowSender, raised: list[Exception]
    ) -> None:
        with pytest.raises(Locked):
            send(upload, b"b" * 10)
        slow.end()

        assert raised == []
        assert content_of(upload) == b"a" * 10

    def test_lose_nothing_that_was_committed_before_the_connection_broke(
        self, upload: Upload, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        break_after_commit(monkeypatch)

        with pytest.raises(OperationalError):
            send(upload, b"a" * 10)

        upload.refresh_from_db()
        assert (upload.offset, content_of(upload)) == (10, b"a" * 10)

    def test_take_over_from_one_that_is_silent(
        self, upload: Upload, slow: SlowSender, raised: list[Exception]
    ) -> None:
        Upload.objects.update(writer_until=timezone.now() - timedelta(seconds=1))
        send(upload, b"b" * 10)
        slow.end()

        assert [type(error) for error in raised] == [Locked]
        assert content_of(upload) == b"b" * 10
        assert StoredFile.objects.count() == 1


def content_of(upload: Upload) -> bytes:
    content = b""
    for part in upload.parts.all():
        with files.open_stored(name=part.storage_name) as stored:
            content += stored.read()
    return content
