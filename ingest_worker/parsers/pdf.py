"""PDF, page by page: the text layer, and whether a page is a picture that OCR has to read."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

import pypdfium2 as pdfium
from pypdfium2 import raw

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import PDF
from ingest_worker.parsers.pdf_text import TextLayer, read_text_layer
from ingest_worker.parsers.protocol import PageText, Plan, Source

_PASSWORD_ERRORS: Final = frozenset({raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY})
_OBJECTS_LOOKED_AT: Final = 2000
_NESTED_FORMS: Final = 3

# When a page is sent to OCR.
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


class PdfParser:
    media_types = frozenset({PDF})

    def open_file(self, path: Source, media_type: str, *, pages_limit: int) -> Plan:
        with _document(path) as document:
            count = len(document)
            if count > pages_limit:
                raise DocumentFault(
                    f"The file has {count} pages; the limit is {pages_limit}.",
                    code="too-many-pages",
                )
            return Plan(media_type, tuple(_label(document, index) for index in range(count)))

    def read_pages(self, path: Source, media_type: str, first: int, last: int) -> list[PageText]:  # noqa: ARG002 - one type
        with _document(path) as document:
            numbers = range(max(first, 1), min(last, len(document)) + 1)
            return [_read_page(document, number) for number in numbers]


@contextmanager
def _document(path: Source) -> Iterator[Any]:
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        is_locked = error.err_code in _PASSWORD_ERRORS
        raise DocumentFault(
            "The PDF needs a password." if is_locked else "The PDF can't be opened.",
            code="file-encrypted" if is_locked else "file-broken",
        ) from error
    with document:
        yield document


def _label(document: pdfium.PdfDocument, index: int) -> str:
    label: str = document.get_page_label(index).strip()
    return "" if label == str(index + 1) else label[:200]


def _read_page(document: pdfium.PdfDocument, number: int) -> PageText:
    """A page that is damaged is an empty page: the others can still be read."""
    label = _label(document, number - 1)
    try:
        # Filled-in fields and notes become part of the page's own text; the file stays as it is.
        raw.FPDFPage_Flatten(document[number - 1], raw.FLAT_NORMALDISPLAY)
        page = document[number - 1]
        layer = read_text_layer(page)
        width, height = page.get_size()
        needs_ocr = _needs_ocr(page, layer)
    except pdfium.PdfiumError:
        return PageText(number, label)
    return PageText(
        number,
        label,
        layer.text,
        width=round(width, 1),
        height=round(height, 1),
        boxes=layer.boxes,
        needs_ocr=needs_ocr,
    )


def _needs_ocr(page: pdfium.PdfPage, layer: TextLayer) -> bool:
    if layer.characters and layer.unreadable > layer.characters * _UNREADABLE_SHARE:
        return True
    if layer.characters >= _SOME_CHARACTERS:
        return False
    pictures, paths = _drawn(page)
    if layer.characters >= _FEW_CHARACTERS:
        return pictures > _WHOLE_PAGE_SHARE
    return pictures > _PICTURE_SHARE or paths >= _DRAWN_TEXT_PATHS


def _drawn(page: pdfium.PdfPage) -> tuple[float, int]:
    """The share of the page that pictures cover, and the number of shapes."""
    width, height = page.get_size()
    covered = 0.0
    paths = 0
    kinds = (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_SHADING)
    objects = page.get_objects(filter=kinds, max_depth=_NESTED_FORMS)
    for item in islice(objects, _OBJECTS_LOOKED_AT):
        if item.type == raw.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = item.get_bounds()
            covered += abs(right - left) * abs(top - bottom)
        else:
            paths += 1
    return covered / max(width * height, 1.0), paths
