"""OCR engines, by the names that people and rows call them."""

from typing import Final

TESSERACT: Final = "tesseract"

ENGINES: Final = frozenset({TESSERACT})
"""Those that can be asked for."""
