"""What is drawn on a PDF page beside text: pictures and shapes, and what they show."""

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pypdfium2 as pdfium
from pypdfium2 import raw

from ingest_worker.parsers.pdf_calls import Rectangle
from ingest_worker.parsers.pdf_words import Paint, View, Word

_OBJECTS_LOOKED_AT: Final = 20_000
_NESTED_FORMS: Final = 3
_LARGEST_LOOKED_AT: Final = 300
"""Of the backgrounds of hidden words: what a page needs, and no more work than that."""
_WHITE: Final = 250
"""Of 255, for each of the colours."""


@dataclass(frozen=True, slots=True)
class Drawing:
    is_picture: bool
    is_background: bool
    """Whether white text on it can be seen."""
    place: Rectangle
    """`x0, y0, x1, y1`, as it is seen."""

    @property
    def area(self) -> float:
        x0, y0, x1, y1 = self.place
        return max(x1 - x0, 0.0) * max(y1 - y0, 0.0)


def drawings(page: pdfium.PdfPage, view: View) -> list[Drawing]:
    """Pictures and shapes of a page, those in its forms too, as far as they lie on the page."""
    budget = iter(range(_OBJECTS_LOOKED_AT))
    count = raw.FPDFPage_CountObjects(page)
    objects = (raw.FPDFPage_GetObject(page, index) for index in range(count))
    found = _flat(objects, pdfium.PdfMatrix(), budget, depth=0)
    return [_drawing(item, _on_page(item, matrix, view)) for item, matrix in found]


def seen(words: list[Word], page: pdfium.PdfPage, view: View) -> list[Word]:
    """Without words that are white on white, and unpainted ones that aren't those of a picture."""
    if all(word.paint is Paint.PLAIN for word in words):
        return words
    found = drawings(page, view)
    below = {
        Paint.UNPAINTED: _largest(found, lambda drawing: drawing.is_picture),
        Paint.WHITE: _largest(found, lambda drawing: drawing.is_background),
    }
    return [
        word for word in words if word.paint is Paint.PLAIN or _lies_on(word, below[word.paint])
    ]


def _flat(
    objects: Iterator[Any], matrix: pdfium.PdfMatrix, budget: Iterator[int], *, depth: int
) -> Iterator[tuple[Any, pdfium.PdfMatrix]]:
    """Pictures and shapes, with the matrix from their coordinates to those of the page."""
    for item in objects:
        if next(budget, None) is None:
            return
        kind = raw.FPDFPageObj_GetType(item)
        if kind == raw.FPDF_PAGEOBJ_FORM and depth < _NESTED_FORMS:
            own = raw.FS_MATRIX()
            raw.FPDFPageObj_GetMatrix(item, own)
            inner = pdfium.PdfMatrix.from_raw(own).multiply(matrix)
            count = raw.FPDFFormObj_CountObjects(item)
            parts = (raw.FPDFFormObj_GetObject(item, index) for index in range(count))
            yield from _flat(parts, inner, budget, depth=depth + 1)
        elif kind != raw.FPDF_PAGEOBJ_TEXT:
            yield item, matrix


def _on_page(item: Any, matrix: pdfium.PdfMatrix, view: View) -> Rectangle:  # noqa: ANN401 - a C object
    bounds = [ctypes.c_float() for _ in range(4)]
    raw.FPDFPageObj_GetBounds(item, *bounds)
    left, bottom, right, top = matrix.on_rect(*(value.value for value in bounds))
    x0, y0, x1, y1 = view.place((left, top, right, bottom))
    return max(x0, 0.0), max(y0, 0.0), min(x1, view.width), min(y1, view.height)


def _drawing(item: Any, place: Rectangle) -> Drawing:  # noqa: ANN401 - a C object
    kind = raw.FPDFPageObj_GetType(item)
    is_path = kind == raw.FPDF_PAGEOBJ_PATH
    return Drawing(kind == raw.FPDF_PAGEOBJ_IMAGE, not is_path or _is_dark(item), place)


def _is_dark(path: Any) -> bool:  # noqa: ANN401 - a C object
    """Whether a shape is filled with anything but white."""
    mode, stroke = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(path, mode, stroke)
    colours = [ctypes.c_uint() for _ in range(4)]
    if not mode.value or not raw.FPDFPageObj_GetFillColor(path, *colours):
        return bool(mode.value)
    *rgb, opacity = (colour.value for colour in colours)
    return min(rgb) < _WHITE and opacity > 0


def _largest(found: list[Drawing], belongs: Callable[[Drawing], bool]) -> list[Rectangle]:
    ordered = sorted(filter(belongs, found), key=lambda drawing: -drawing.area)
    return [drawing.place for drawing in ordered[:_LARGEST_LOOKED_AT]]


def _lies_on(word: Word, places: list[Rectangle]) -> bool:
    x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
    return any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in places)
