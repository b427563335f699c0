"""A folder of its own for the files that a test stores, and what can become of them."""

from pathlib import Path

import pytest
from django.db import OperationalError, transaction
from pytest_django import Settings

from chatbot.documents.services import files


@pytest.fixture(autouse=True)
def stored(settings: Settings, tmp_path: Path) -> Path:
    """The folder in which this test's files are stored."""
    folder = tmp_path / "files"
    folder.mkdir()
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = uploads
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(folder)},
        },
    }
    return folder


def break_after_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL commits what links a file, and its connection breaks before it has said so."""
    link_file = files.link_file

    def fail() -> None:
        raise OperationalError("server closed the connection unexpectedly")

    def link(*, name: str) -> bool:
        transaction.on_commit(fail)
        return link_file(name=name)

    monkeypatch.setattr(files, "link_file", link)
