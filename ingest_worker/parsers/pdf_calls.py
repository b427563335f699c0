"""The calls of PDFium that are made for every word.

A call through pypdfium2's own bindings costs more than what it does: they let go of the
interpreter's lock and convert each argument. These are bound to plain addresses, once, and keep
the lock; none of them takes longer than some microseconds. What isn't called for every word goes
through pypdfium2.
"""

import ctypes
import math
from array import array
from ctypes import addressof, c_double, c_float, c_int, c_size_t, c_uint, c_ushort, c_void_p, sizeof
from typing import Any, Final

import pypdfium2 as pdfium
from pypdfium2 import raw

Rectangle = tuple[float, float, float, float]

_COLOURS: Final = 4
_FONT_NAME_BYTES: Final = 128


def _bound(name: str, *arguments: type, result: type = c_int) -> Any:  # noqa: ANN401 - a C function
    address = ctypes.cast(getattr(raw, name), c_void_p).value or 0
    return ctypes.PYFUNCTYPE(result, c_void_p, *arguments)(address)


_get_unicode = _bound("FPDFText_GetUnicode", c_int, result=c_uint)
_count_rects = _bound("FPDFText_CountRects", c_int, c_int)
_get_rect = _bound("FPDFText_GetRect", c_int, *[c_void_p] * 4)
_get_char_box = _bound("FPDFText_GetCharBox", c_int, *[c_void_p] * 4)
_get_origin = _bound("FPDFText_GetCharOrigin", c_int, c_void_p, c_void_p)
_get_object = _bound("FPDFText_GetTextObject", c_int, result=c_void_p)
_has_no_mapping = _bound("FPDFText_HasUnicodeMapError", c_int)
_get_font_size = _bound("FPDFText_GetFontSize", c_int, result=c_double)
_get_matrix = _bound("FPDFText_GetMatrix", c_int, c_void_p)
_get_fill_colour = _bound("FPDFText_GetFillColor", c_int, *[c_void_p] * _COLOURS)
_get_render_mode = _bound("FPDFTextObj_GetTextRenderMode")
_get_font = _bound("FPDFTextObj_GetFont", result=c_void_p)
_get_font_name = _bound("FPDFFont_GetBaseFontName", c_void_p, c_size_t, result=c_size_t)


class TextPage:
    """The characters of a page by their index; places in the page's own coordinates."""

    def __init__(self, page: pdfium.PdfPage) -> None:
        self._textpage = page.get_textpage()
        self._handle = ctypes.cast(self._textpage.raw, c_void_p).value
        self._numbers = (c_double * 4)()
        first, step = addressof(self._numbers), sizeof(c_double)
        self._places = tuple(first + step * index for index in range(4))
        self._matrix = (c_float * 6)()
        self._colour = (c_uint * _COLOURS)()
        self._name = ctypes.create_string_buffer(_FONT_NAME_BYTES)

    def text(self) -> str:
        """A character of the string for each one of the page, halves of surrogate pairs too."""
        count = self._textpage.count_chars()
        units = (c_ushort * (count + 1))()
        if raw.FPDFText_GetText(self._textpage, 0, count, units) == count + 1:
            text = bytes(units)[:-2].decode("utf-16-le", "surrogatepass")
            return text if len(text) == count else "".join(map(chr, units[:count]))
        # Characters without a meaning are left out of that text, and the places wouldn't fit.
        handle = self._handle
        codes = array("L", (_get_unicode(handle, index) for index in range(count)))
        return "".join(map(chr, codes))

    def run(self, start: int, length: int) -> Rectangle | None:
        """`left, top, right, bottom` of characters, None unless one text object holds them all."""
        if _count_rects(self._handle, start, length) != 1:
            return None
        _get_rect(self._handle, 0, *self._places)
        left, top, right, bottom = self._numbers
        return left, top, right, bottom

    def character(self, index: int) -> Rectangle:
        """`left, top, right, bottom` of one character."""
        _get_char_box(self._handle, index, *self._places)
        left, right, bottom, top = self._numbers
        return left, top, right, bottom

    def origin(self, index: int) -> tuple[float, float]:
        """Where a character stands on its line."""
        _get_origin(self._handle, index, *self._places[:2])
        return self._numbers[0], self._numbers[1]

    def text_object(self, index: int) -> int:
        """The address of what drew a character, 0 where nothing did."""
        return _get_object(self._handle, index) or 0

    def has_no_mapping(self, index: int) -> bool:
        """Whether the font doesn't say which character this is."""
        return bool(_has_no_mapping(self._handle, index) == 1)

    def size(self, index: int) -> float:
        """Height of the font in points, as it is drawn."""
        if not _get_matrix(self._handle, index, addressof(self._matrix)):
            return 0.0
        a, b, c, d, _, _ = self._matrix
        return float(_get_font_size(self._handle, index)) * math.sqrt(abs(a * d - b * c))

    def colour(self, index: int) -> tuple[int, int, int, int]:
        """Red, green, blue and opacity, 0 to 255; black where it is a pattern."""
        first, step = addressof(self._colour), sizeof(c_uint)
        places = (first + step * index for index in range(_COLOURS))
        if not _get_fill_colour(self._handle, index, *places):
            return 0, 0, 0, 255
        red, green, blue, opacity = self._colour
        return red, green, blue, opacity

    def render_mode(self, text_object: int) -> int:
        """How the letters are painted: one of `FPDF_TEXTRENDERMODE_…`."""
        return int(_get_render_mode(text_object))

    def font_name(self, text_object: int) -> bytes:
        """The name in the file, empty where there is none or it is very long."""
        font = _get_font(text_object)
        if not font:
            return b""
        length = _get_font_name(font, addressof(self._name), _FONT_NAME_BYTES)
        return self._name.value if length <= _FONT_NAME_BYTES else b""
