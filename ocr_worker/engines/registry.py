"""The usual engine, and which languages it reads."""

from pathlib import Path

import tesserocr

from ocr_worker.engines.protocol import LANGUAGES, Engine
from ocr_worker.engines.tesseract import TesseractEngine

__all__ = ["LANGUAGES", "default_engine"]


def default_engine() -> Engine:
    """Tesseract, with the data in the folder that its own variable TESSDATA_PREFIX names."""
    folder, _ = tesserocr.get_languages()
    return TesseractEngine(Path(folder))
