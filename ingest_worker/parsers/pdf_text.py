"""The text layer of one PDF page: words in reading order, and where they stand.

PDFium gives characters in reading order, with generated spaces and line ends between them. Here
they become words; a page's text and its boxes are then written together, so that they always agree.
"""

import ctypes
import statistics
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import pypdfium2 as pdfium
from pypdfium2 import raw

from ingest_worker.parsers.protocol import Box

if TYPE_CHECKING:
    from collections.abc import Callable

_HYPHEN_AT_LINE_END: Final = "\ufffe"
"""PDFium's sign for a hyphen that divides a word between two lines."""
_HIGH_SURROGATES: Final = range(0xD800, 0xDC00)
_LOW_SURROGATES: Final = range(0xDC00, 0xE000)
_LINE_ENDS: Final = "\r\n"
_UNREADABLE: Final = frozenset({"Co", "Cn", "Cs"})
"""Unicode categories: private use, unassigned, half a surrogate pair."""
_PARAGRAPH_STEP: Final = 1.3
"""Times the usual step from line to line: from here on a line begins a paragraph."""
_DECIMALS: Final = 1


@dataclass(frozen=True, slots=True)
class TextLayer:
    text: str
    boxes: tuple[Box, ...]
    characters: int
    """Visible ones."""
    unreadable: int
    """Of these, the ones whose font doesn't say which characters they are."""


@dataclass(slots=True)
class _Word:
    """Characters on one line; places in points from the upper left corner of the page."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    baseline: float
    ends: str = ""
    """What follows: a space, a line end, or nothing where a word goes on in the next line."""


@dataclass(frozen=True, slots=True)
class _Character:
    index: int
    text: str
    has_no_mapping: bool

    @property
    def is_visible(self) -> bool:
        if self.text.isspace() or self.text == _HYPHEN_AT_LINE_END:
            return False
        return unicodedata.category(self.text) != "Cc"

    @property
    def is_unreadable(self) -> bool:
        return self.has_no_mapping or unicodedata.category(self.text) in _UNREADABLE


def read_text_layer(page: pdfium.PdfPage) -> TextLayer:
    """Text, boxes and how much of it can be trusted."""
    textpage = page.get_textpage()
    view = _View(page)
    words: list[_Word] = []
    visible = unreadable = 0
    for character in _characters(textpage):
        if character.is_visible:
            place = view.place(textpage, character.index)
            if view.shows(place):
                visible += 1
                unreadable += character.is_unreadable
                _append(words, character.text, place)
        elif words:
            _end(words[-1], character.text)
    _undo_hyphens(words)
    _mark_paragraphs(words)
    text, boxes = _write(words)
    return TextLayer(text, boxes, visible, unreadable)


class _View:
    """From the page's own coordinates to what is seen: cropped, turned, y downwards."""

    def __init__(self, page: pdfium.PdfPage) -> None:
        self._width, self._height = page.get_size()
        left, bottom, right, top = page.get_bbox()
        turned: dict[int, Callable[[float, float], tuple[float, float]]] = {
            0: lambda x, y: (x - left, top - y),
            90: lambda x, y: (y - bottom, x - left),
            180: lambda x, y: (right - x, y - bottom),
            270: lambda x, y: (top - y, right - x),
        }
        self._see = turned[page.get_rotation()]
        self._values = [ctypes.c_double() for _ in range(4)]
        self._places = [ctypes.byref(value) for value in self._values]

    def place(self, textpage: pdfium.PdfTextPage, index: int) -> tuple[float, ...]:
        """`x0, y0, x1, y1` of a character, and the y of its baseline."""
        raw.FPDFText_GetCharBox(textpage, index, *self._places)
        left, right, bottom, top = (value.value for value in self._values)
        raw.FPDFText_GetCharOrigin(textpage, index, *self._places[:2])
        _, baseline = self._see(self._values[0].value, self._values[1].value)
        x0, y0 = self._see(left, top)
        x1, y1 = self._see(right, bottom)
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1), baseline

    def shows(self, place: tuple[float, ...]) -> bool:
        """What stands outside the page nobody sees, and nobody should be told."""
        x0, y0, x1, y1, _ = place
        return x1 >= 0 and y1 >= 0 and x0 <= self._width and y0 <= self._height


def _characters(textpage: Any) -> Iterator[_Character]:  # noqa: ANN401 - pypdfium2 has no types
    high = 0
    for index in range(textpage.count_chars()):
        code = raw.FPDFText_GetUnicode(textpage, index)
        if code in _HIGH_SURROGATES:
            high = code
            continue
        if code in _LOW_SURROGATES and high:
            code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00)
        high = 0
        has_no_mapping = raw.FPDFText_HasUnicodeMapError(textpage, index) == 1
        yield _Character(index, chr(code), has_no_mapping)


def _append(words: list[_Word], text: str, place: tuple[float, ...]) -> None:
    """Adds a character to the last word, or begins a new one where that has ended."""
    x0, y0, x1, y1, baseline = place
    if not words or words[-1].ends:
        words.append(_Word(text, x0, y0, x1, y1, baseline))
        return
    word = words[-1]
    word.text += text
    word.x0, word.y0 = min(word.x0, x0), min(word.y0, y0)
    word.x1, word.y1 = max(word.x1, x1), max(word.y1, y1)


def _end(word: _Word, text: str) -> None:
    if text == _HYPHEN_AT_LINE_END:
        word.ends = text
    elif text in _LINE_ENDS:
        word.ends = "\n"
    elif not word.ends and text.isspace():
        word.ends = " "


def _undo_hyphens(words: list[_Word]) -> None:
    """A word that is divided between two lines stays one word, with two boxes."""
    for word, following in pairwise(words):
        if word.ends == _HYPHEN_AT_LINE_END:
            word.ends = ""
            if not following.text[0].islower():
                word.text += "-"


def _mark_paragraphs(words: list[_Word]) -> None:
    """Doubles the line ends below which there is more white space than usual."""
    ends = [(word, below) for word, below in pairwise(words) if word.ends == "\n"]
    steps = [below.baseline - word.baseline for word, below in ends]
    usual = [step for step in steps if step > 0]
    if not usual:
        return
    wide = statistics.median(usual) * _PARAGRAPH_STEP
    for (word, _), step in zip(ends, steps, strict=True):
        if step > wide:
            word.ends = "\n\n"


def _write(words: list[_Word]) -> tuple[str, tuple[Box, ...]]:
    """The text of the words, and a box for each."""
    pieces: list[str] = []
    boxes: list[Box] = []
    length = 0
    for word in words:
        text = unicodedata.normalize("NFC", word.text)
        x0, y0, x1, y1 = (round(value, _DECIMALS) for value in (word.x0, word.y0, word.x1, word.y1))
        boxes.append((length, length + len(text), x0, y0, x1, y1))
        pieces += (text, word.ends)
        length += len(text) + len(word.ends)
    return "".join(pieces).rstrip(), tuple(boxes)
