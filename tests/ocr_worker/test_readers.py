"""Which engine reads, and how its pages remember it."""

from dataclasses import replace

import pytest
from pytest_django import Settings

from chatbot.contracts.errors import Unavailable
from chatbot.contracts.ocr import ENGINES, RAPIDOCR, TESSERACT, VISION
from chatbot.documents.models import Page
from ocr_worker.readers import VERSIONS, engine_for, reader_name


class TestEngineFor:
    def test_is_the_first_where_none_was_asked_for(self, settings: Settings) -> None:
        settings.OCR_ENGINES = [RAPIDOCR, TESSERACT]

        assert engine_for("") == RAPIDOCR
        assert engine_for(TESSERACT) == TESSERACT

    def test_refuses_none_for_ever(self, settings: Settings) -> None:
        settings.OCR_ENGINES = [TESSERACT]

        with pytest.raises(Unavailable) as raised:
            engine_for(VISION)

        assert raised.value.error_code == "ocr-engine-missing"


class TestReaderName:
    def test_tells_versions_and_models_apart(self, settings: Settings) -> None:
        settings.OCR_VISION_SERVER = replace(settings.OCR_VISION_SERVER, url="", model="a-model")
        first = reader_name(VISION)
        settings.OCR_VISION_SERVER = replace(
            settings.OCR_VISION_SERVER, url="", model="another-model" * 50
        )

        assert reader_name(VISION) != first
        assert first.startswith(f"vision/{VERSIONS[VISION]}-")
        assert reader_name(TESSERACT) == f"tesseract/{VERSIONS[TESSERACT]}"

    def test_fits_into_its_column(self, settings: Settings) -> None:
        settings.RAPIDOCR_MODEL = "/models/" + "x" * 300
        longest = Page._meta.get_field("engine").max_length

        assert longest is not None
        assert max(len(reader_name(engine)) for engine in ENGINES) < longest
