"""What people have added to a PDF page: notes, comments, and fields that were filled in."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pypdfium2 as pdfium
from pypdfium2 import raw

from ingest_worker.parsers.encoding import clean
from ingest_worker.parsers.pdf_calls import Rectangle

_LOOKED_AT: Final = 500
_LONGEST_BYTES: Final = 40_000
_EMPTY_BYTES: Final = 2
"""Of a string with nothing but its end."""
_NO_TEXT: Final = frozenset({raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP})
_NOT_SEEN: Final = (
    raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW | raw.FPDF_ANNOT_FLAG_INVISIBLE
)
_WRITTEN_FIELDS: Final = frozenset({"Tx", "Ch"})
"""Those of a form that hold text, or one of several texts."""


@dataclass(frozen=True, slots=True)
class Note:
    text: str
    place: Rectangle
    """`left, top, right, bottom` in the page's own coordinates."""


def take_notes(page: pdfium.PdfPage) -> tuple[list[Note], bool]:
    """Texts that the page doesn't show, and whether something shows itself on top of the page.

    What shows itself becomes part of the page with `FPDFPage_Flatten`, and is then read with it.
    """
    notes: list[Note] = []
    shows_more = False
    for index in range(min(raw.FPDFPage_GetAnnotCount(page), _LOOKED_AT)):
        with _annotation(page, index) as annotation:
            kind = raw.FPDFAnnot_GetSubtype(annotation)
            if kind in _NO_TEXT or raw.FPDFAnnot_GetFlags(annotation) & _NOT_SEEN:
                continue
            is_drawn = _is_drawn(annotation)
            shows_more = shows_more or is_drawn
            text = _text(annotation, kind, is_drawn=is_drawn)
            if text:
                notes.append(Note(text, _place(annotation)))
    return notes, shows_more


@contextmanager
def _annotation(page: pdfium.PdfPage, index: int) -> Iterator[Any]:
    annotation = raw.FPDFPage_GetAnnot(page, index)
    try:
        yield annotation
    finally:
        raw.FPDFPage_CloseAnnot(annotation)


def _text(annotation: Any, kind: int, *, is_drawn: bool) -> str:  # noqa: ANN401 - a C object
    if kind == raw.FPDF_ANNOT_WIDGET:
        is_written = _string(annotation, b"FT") in _WRITTEN_FIELDS
        return _string(annotation, b"V") if is_written and not is_drawn else ""
    if kind == raw.FPDF_ANNOT_FREETEXT and is_drawn:
        return ""
    return _string(annotation, b"Contents")


def _string(annotation: Any, key: bytes) -> str:  # noqa: ANN401 - a C object
    length = raw.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    if not _EMPTY_BYTES < length <= _LONGEST_BYTES:
        return ""
    buffer = (ctypes.c_ushort * (length // 2))()
    raw.FPDFAnnot_GetStringValue(annotation, key, buffer, length)
    return clean(bytes(buffer)[:-2].decode("utf-16-le", "replace")).strip()


def _is_drawn(annotation: Any) -> bool:  # noqa: ANN401 - a C object
    """Whether it holds commands that draw it."""
    length = raw.FPDFAnnot_GetAP(annotation, raw.FPDF_ANNOT_APPEARANCEMODE_NORMAL, None, 0)
    return bool(length > _EMPTY_BYTES)


def _place(annotation: Any) -> Rectangle:  # noqa: ANN401 - a C object
    rectangle = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(annotation, rectangle)
    return rectangle.left, rectangle.top, rectangle.right, rectangle.bottom
