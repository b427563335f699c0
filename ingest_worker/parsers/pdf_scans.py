"""Whether a PDF page is a picture that OCR has to read."""

import re
from typing import Final

import pypdfium2 as pdfium

from ingest_worker.parsers.pdf_drawings import drawings
from ingest_worker.parsers.pdf_text import TextLayer
from ingest_worker.parsers.pdf_words import View

_UNREADABLE_SHARE: Final = 0.3
"""Of the characters: more, and the text layer is garbage."""
_FEW_CHARACTERS: Final = 20
"""Fewer are a page number or a stamp, if anything else is drawn on the page."""
_SOME_CHARACTERS: Final = 200
"""Fewer are a header and footer, if the page is one picture."""
_PICTURE_SHARE: Final = 0.02
_WHOLE_PAGE_SHARE: Final = 0.6
_DRAWN_TEXT_PATHS: Final = 30
"""As many shapes may be letters that were turned into outlines."""
_OCR_SHARE: Final = 0.5
"""Of the characters: more that aren't painted, and the text layer is what OCR has read before."""
_LANGUAGE_SHARE: Final = 0.5
"""Of such characters: less in words, and that OCR has read nothing but spots."""
_LANGUAGE: Final = re.compile(
    r"[^\W\d_]{3,}|\d{2,}|[\u1100-\u11ff\u3040-\u30ff\u3130-\u9fff\uac00-\ud7a3]+"
)
"""What is hardly ever read from spots: three letters in a row, numbers, Korean and Chinese."""


def needs_ocr(page: pdfium.PdfPage, view: View, layer: TextLayer) -> bool:
    """Whether the text layer is missing, broken, or not all that can be read on the page."""
    if layer.characters and layer.unreadable > layer.characters * _UNREADABLE_SHARE:
        return True
    if layer.unpainted > layer.characters * _OCR_SHARE:
        return not _is_language(layer)
    if layer.characters >= _SOME_CHARACTERS:
        return False
    pictures, paths = _drawn(page, view)
    if layer.characters >= _FEW_CHARACTERS:
        return pictures > _WHOLE_PAGE_SHARE
    return pictures > _PICTURE_SHARE or paths >= _DRAWN_TEXT_PATHS


def _is_language(layer: TextLayer) -> bool:
    found = sum(len(match.group()) for match in _LANGUAGE.finditer(layer.text))
    return found > layer.characters * _LANGUAGE_SHARE


def _drawn(page: pdfium.PdfPage, view: View) -> tuple[float, int]:
    """The share of the page that pictures cover, and the number of shapes."""
    found = drawings(page, view)
    covered = sum(drawing.area for drawing in found if drawing.is_picture)
    shapes = sum(not drawing.is_picture for drawing in found)
    return covered / max(view.width * view.height, 1.0), shapes
