"""OCR engines, by the names that people and rows call them."""

from typing import Final

TESSERACT: Final = "tesseract"
RAPIDOCR: Final = "rapidocr"
VISION: Final = "vision"
"""A model that looks at pictures, on an OpenAI-compatible server."""

ENGINES: Final = (TESSERACT, RAPIDOCR, VISION)
"""Those that there are. Which ones are set up, OCR_ENGINES says."""
