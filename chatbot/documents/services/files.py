"""Files in storage: stored before a version knows them, removed after the last one forgot them.

`StoredFile` rows tell which files there are, so that none is left behind: not by a process that
died in the middle, and not by a deletion that only saw rows.
"""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from io import UnsupportedOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.core.files.storage import FileSystemStorage, default_storage
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from chatbot.contracts.errors import DOCUMENT_FAULTS, DocumentFault, Unavailable
from chatbot.documents.models import DocumentVersion, StoredFile
from chatbot.documents.services.copies import FileCopies

if TYPE_CHECKING:
    from django.core.files.base import File

logger = logging.getLogger(__name__)

UPLOAD_HOURS: Final = 1
"""An upload that has not become a version by then never will."""
ORPHANS_AT_ONCE: Final = 50
PATIENCE_SECONDS: Final = 5.0
"""A storage that is away takes its time for each file: the others are left for later then."""
_COPY_BYTES: Final = 1024 * 1024
_copies = FileCopies(keep=4)


class StorageAway(Unavailable):
    """The storage does not answer, or can't take more."""

    code = "storage-away"


def storage_name(*, sha256: str, version_id: UUID) -> str:
    """Where a version's file stands; never made of anything the client said."""
    return f"documents/{sha256[:2]}/{sha256}-{version_id}"


def store_file(*, name: str, file: "File[bytes]") -> None:
    """Puts a file into storage; outside of a transaction, because it may take a while.

    Raises:
        StorageAway: nothing is stored.
    """
    StoredFile.objects.create(name=name)
    try:
        _flush(file)
        default_storage.save(name, file)
    except Exception as error:
        remove_files(names=[name])
        raise _away(error) from error


def link_file(*, name: str) -> bool:
    """In the transaction that makes the version; False: the file has been cleaned away."""
    return StoredFile.objects.filter(pk=name).update(linked_at=Now()) == 1


def remove_files(*, names: list[str]) -> None:
    """Removes files that no row needs. What fails is removed by `remove_orphans` later."""
    end = time.monotonic() + PATIENCE_SECONDS
    for name in names:
        if not _remove(name) and time.monotonic() >= end:
            break


def remove_unless_linked(*, name: str) -> None:
    """Removes a file after the transaction that was to link it has failed.

    Whether it has failed is not always known: a connection may break after the commit, too. What
    can't be told now, `remove_orphans` finds out.
    """
    unlinked = StoredFile.objects.select_for_update().filter(pk=name, linked_at__isnull=True)
    with contextlib.suppress(DatabaseError, InterfaceError), transaction.atomic():
        if unlinked.first():
            _remove(name)


def remove_orphans() -> int:
    """Removes files whose version is gone, and uploads that were never finished.

    Returns how many; `ORPHANS_AT_ONCE` means that there may be more.
    """
    removed = 0
    end = time.monotonic() + PATIENCE_SECONDS
    for name in list(_orphans().values_list("name", flat=True)[:ORPHANS_AT_ONCE]):
        with transaction.atomic():
            # An upload that has taken an hour may be linked at this very moment.
            locked = _orphans().select_for_update(skip_locked=True).filter(pk=name).first()
            if locked is None:
                continue
            if _remove(name):
                removed += 1
            elif time.monotonic() >= end:
                break
    return removed


def keep_what(rows: Callable[[], QuerySet[Any, Any]]) -> None:
    """An app that stands above this one stores files, too, and says which rows need them.

    The rows have a column `storage_name`; a file is linked in the transaction that makes its row.
    """
    _needing.append(rows)


_needing: Final[list[Callable[[], QuerySet[Any, Any]]]] = [DocumentVersion.objects.all]


def _orphans() -> QuerySet[StoredFile]:
    too_old = Now() - timedelta(hours=UPLOAD_HOURS)
    needed = (Exists(rows().filter(storage_name=OuterRef("name"))) for rows in _needing)
    return StoredFile.objects.filter(
        *(~exists for exists in needed),
        Q(linked_at__isnull=False) | Q(created_at__lt=too_old),
    )


def _remove(name: str) -> bool:
    try:
        default_storage.delete(name)
    except Exception as error:  # noqa: BLE001 - every storage has errors of its own
        logger.warning("a file is left for later: %s", type(error).__name__)
        return False
    StoredFile.objects.filter(pk=name).delete()
    return True


def open_stored(*, name: str) -> "File[bytes]":
    """The stored file, for reading.

    Raises:
        DocumentFault: it is gone.
        StorageAway: the storage does not answer.
    """
    try:
        return default_storage.open(name)
    except FileNotFoundError as error:
        if _is_mounted():
            raise DocumentFault(DOCUMENT_FAULTS["file-missing"], code="file-missing") from error
        raise _away(error) from error
    except Exception as error:
        raise _away(error) from error


@contextlib.contextmanager
def local_file(*, name: str) -> Iterator[Path]:
    """A path with the file's content, which only is to be read.

    Raises:
        DocumentFault: it is gone.
        StorageAway: the storage does not answer.
    """
    if isinstance(default_storage, FileSystemStorage):
        open_stored(name=name).close()
        yield Path(default_storage.path(name))
        return
    with contextlib.ExitStack() as stack:
        with writing_to_disk():
            path = stack.enter_context(_copies.borrow(name, partial(_fetch, name)))
        yield path


@contextlib.contextmanager
def writing_to_disk() -> Iterator[None]:
    """Around what writes to this machine's disk, opening and closing of files included.

    Raises:
        StorageAway: the disk is full, or it fails.
    """
    try:
        yield
    except OSError as error:
        logger.warning("this machine's disk takes nothing: %s", os.strerror(error.errno or 0))
        raise StorageAway(
            "The server can't take the file right now.",
            way_out="Try again in a moment; if it stays, tell an administrator.",
            retry_after_seconds=5,
        ) from error


def _fetch(name: str, path: Path) -> None:
    with open_stored(name=name) as stored:
        try:
            with path.open("wb") as copy:
                for piece in stored.chunks(_COPY_BYTES):
                    copy.write(piece)
        except Exception as error:
            raise _away(error) from error


def _flush(file: "File[bytes]") -> None:
    """An upload that was accepted survives a power failure."""
    with contextlib.suppress(AttributeError, UnsupportedOperation):
        os.fsync(file.fileno())


def _is_mounted() -> bool:
    """Whether the folder is there at all: a missing file may be a disk that is missing."""
    return (
        not isinstance(default_storage, FileSystemStorage)
        or Path(default_storage.location).is_dir()
    )


def _away(error: Exception) -> StorageAway:
    logger.warning("the storage is away: %s", type(error).__name__)
    return StorageAway(
        "The file storage does not answer.", way_out="Try again in a moment.", retry_after_seconds=5
    )
