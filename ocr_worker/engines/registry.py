"""Which engine reads, and which languages."""

from pathlib import Path
from typing import Final

import tesserocr

from ocr_worker.engines.protocol import Engine
from ocr_worker.engines.tesseract import TesseractEngine

LANGUAGES: Final = ("kor", "eng")


def default_engine() -> Engine:
    """Tesseract, with the data in the folder that its own variable TESSDATA_PREFIX names."""
    folder, _ = tesserocr.get_languages()
    return TesseractEngine(Path(folder))
