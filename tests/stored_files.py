"""A folder of its own for the files that a test stores."""

from pathlib import Path

import pytest
from pytest_django import Settings


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
