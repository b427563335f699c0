"""Which engine reads a document, and by what name its pages remember it."""

import hashlib
from typing import Final

from django.conf import settings

from chatbot.contracts.errors import Unavailable
from chatbot.contracts.ocr import RAPIDOCR, TESSERACT, VISION

VERSIONS: Final = {TESSERACT: 3, RAPIDOCR: 1, VISION: 1}
"""To be raised whenever an engine, or what is done to pages before and after it, reads differently:
pages that an older version has read are then read again rather than copied."""
_FINGERPRINT_LETTERS: Final = 8


def engine_for(asked: str) -> str:
    """The engine that was asked for, or the usual one.

    Raises:
        Unavailable: `ocr-engine-missing`; this worker has no such engine.
    """
    if not asked:
        return str(settings.OCR_ENGINES[0])
    if asked not in settings.OCR_ENGINES:
        raise Unavailable(
            f"The OCR engine {asked} is not set up at this worker.",
            code="ocr-engine-missing",
            way_out="Name it in OCR_ENGINES of the OCR workers, or read the document again.",
            retry_after_seconds=60,
        )
    return asked


def reader_name(engine: str) -> str:
    """The engine with its version, and its model where that can be chosen: `vision/1-3fa9c1d2`.

    Two pages of the same picture that have the same name have the same text.
    """
    model = {RAPIDOCR: settings.RAPIDOCR_MODEL, VISION: settings.OCR_VISION_SERVER.model}
    name = f"{engine}/{VERSIONS[engine]}"
    if chosen := model.get(engine):
        fingerprint = hashlib.sha256(chosen.encode()).hexdigest()[:_FINGERPRINT_LETTERS]
        return f"{name}-{fingerprint}"
    return name
