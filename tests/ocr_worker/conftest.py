"""Each test has its own folder of files; Tesseract's data are those that `make up` uses."""

import pytest
from pytest_django import Settings

from chatbot.embedded import tessdata
from tests.fakes.scripted_server import scripted_process, scripted_server
from tests.stored_files import stored

__all__ = ["scripted_process", "scripted_server", "stored"]


@pytest.fixture(autouse=True)
def _trained_data(settings: Settings) -> None:
    settings.TESSDATA = tessdata.folder()
