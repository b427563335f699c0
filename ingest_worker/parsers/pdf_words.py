"""The words of one PDF page: what they say, where they stand, and whether anybody sees them."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

import pypdfium2 as pdfium
from pypdfium2 import raw

from ingest_worker.parsers.pdf_calls import Rectangle, TextPage

if TYPE_CHECKING:
    from collections.abc import Callable

HYPHEN_AT_LINE_END: Final = "\ufffe"
"""PDFium's sign for a hyphen that divides a word between two lines."""
_WORD: Final = re.compile(r"[^\s\ufffe]+")
_NOT_WRITTEN: Final = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f\xad]")
"""Control characters, and places where a word might have been divided."""
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_UNREADABLE: Final = frozenset({"Co", "Cn", "Cs"})
"""Unicode categories: private use, unassigned, half a surrogate pair."""
_REPLACEMENT: Final = "\ufffd"
_SMALLEST_POINTS: Final = 1.0
"""Text below this size nobody can read."""
_FILLED_ONLY: Final = frozenset({raw.FPDF_TEXTRENDERMODE_FILL, raw.FPDF_TEXTRENDERMODE_FILL_CLIP})
_WHITE: Final = 250
"""Of 255, for each of the colours."""


class Paint(Enum):
    PLAIN = "plain"
    UNPAINTED = "unpainted"
    """Seen where a picture of the same text lies beneath."""
    WHITE = "white"
    """Seen where something dark lies beneath."""
    NOTHING = "nothing"
    """Never seen."""


@dataclass(slots=True)
class Word:
    """Characters on one line; places in points from the upper left corner of the page."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    start: int = 0
    end: int = 0
    """Its characters on the page."""
    size: float = 0.0
    """Of the font, in points."""
    paint: Paint = Paint.PLAIN
    ends: str = ""
    """What follows: a space, a line end, or nothing where a word goes on in the next line."""


@dataclass(frozen=True, slots=True)
class Words:
    """Those of a page, in the order in which the file draws them."""

    words: list[Word]
    textpage: TextPage
    text: str
    """All characters of the page, which the words' `start` and `end` count."""
    unreadable: int
    """Characters whose font doesn't say what they are."""


def read_words(page: pdfium.PdfPage, view: "View") -> Words:
    """Every word inside the page that something could make visible."""
    reader = _Reader(page, view)
    text = reader.textpage.text()
    words: list[Word] = []
    for match in _WORD.finditer(text):
        words += reader.words(match.group(), match.start())
    unmapped = reader.unmapped
    if _NOT_WRITTEN.search(text) or _SURROGATE.search(text):
        # Fonts that number their letters from 1 seem to say control characters.
        unmapped = max(unmapped, sum(len(_CONTROL.findall(word.text)) for word in words))
        words = [word for word in words if _clean(word)]
    return Words(words, reader.textpage, text, unmapped + _unreadable(words))


class View:
    """From the page's own coordinates to what is seen: cropped, turned, y downwards."""

    def __init__(self, page: pdfium.PdfPage) -> None:
        self.width, self.height = page.get_size()
        left, bottom, right, top = page.get_bbox()
        turned: dict[int, Callable[[float, float], tuple[float, float]]] = {
            0: lambda x, y: (x - left, top - y),
            90: lambda x, y: (y - bottom, x - left),
            180: lambda x, y: (right - x, y - bottom),
            270: lambda x, y: (top - y, right - x),
        }
        self.point = turned[page.get_rotation()]

    def place(self, rectangle: Rectangle) -> Rectangle:
        """`x0, y0, x1, y1` of `left, top, right, bottom`."""
        left, top, right, bottom = rectangle
        x0, y0 = self.point(left, top)
        x1, y1 = self.point(right, bottom)
        if x0 > x1:
            x0, x1 = x1, x0
        return (x0, y0, x1, y1) if y0 <= y1 else (x0, y1, x1, y0)

    def holds(self, place: Rectangle) -> bool:
        """Whether all of it is on the page."""
        x0, y0, x1, y1 = place
        return x0 >= 0 and y0 >= 0 and x1 <= self.width and y1 <= self.height

    def shows(self, place: Rectangle) -> bool:
        """What stands outside the page nobody sees, and nobody should be told."""
        x0, y0, x1, y1 = place
        return x1 >= 0 and y1 >= 0 and x0 <= self.width and y0 <= self.height


class _Reader:
    def __init__(self, page: pdfium.PdfPage, view: View) -> None:
        self.textpage = TextPage(page)
        self.unmapped = 0
        self._view = view
        self._styles: dict[int, tuple[Paint, float]] = {}

    def words(self, text: str, start: int) -> Iterator[Word]:
        """The word, or those parts of it that may be seen."""
        run = self.textpage.run(start, len(text))
        if run is not None:
            place = self._view.place(run)
            if self._view.holds(place):
                paint, size = self._style(start)
                if paint is not Paint.NOTHING:
                    if self.textpage.has_no_mapping(start):
                        self.unmapped += len(text)
                    yield Word(text, *place, start, start + len(text), size, paint)
                return
        yield from self._parts(text, start)

    def _parts(self, text: str, start: int) -> Iterator[Word]:
        """Looks at each character: a word may be drawn in pieces, or stand on the page's edge."""
        word: Word | None = None
        for index, letter in enumerate(text, start=start):
            place = self._view.place(self.textpage.character(index))
            paint, size = self._style(index)
            if paint is Paint.NOTHING or not self._view.shows(place):
                continue
            self.unmapped += self.textpage.has_no_mapping(index)
            if word and word.end == index and word.paint is paint:
                word.text += letter
                word.end += 1
                word.x0, word.y0 = min(word.x0, place[0]), min(word.y0, place[1])
                word.x1, word.y1 = max(word.x1, place[2]), max(word.y1, place[3])
                continue
            if word:
                yield word
            word = Word(letter, *place, index, index + 1, size, paint)
        if word:
            yield word

    def _style(self, index: int) -> tuple[Paint, float]:
        """Of a character; all that one text object draws looks the same."""
        drawn_by = self.textpage.text_object(index)
        style = self._styles.get(drawn_by)
        if style is None:
            style = self._styles[drawn_by] = self._look(index, drawn_by)
        return style

    def _look(self, index: int, drawn_by: int) -> tuple[Paint, float]:
        size = self.textpage.size(index)
        red, green, blue, opacity = self.textpage.colour(index)
        if not drawn_by:
            return Paint.PLAIN, size
        if size < _SMALLEST_POINTS or not opacity:
            return Paint.NOTHING, size
        mode = self.textpage.render_mode(drawn_by)
        if mode == raw.FPDF_TEXTRENDERMODE_INVISIBLE:
            return Paint.UNPAINTED, size
        is_white = mode in _FILLED_ONLY and min(red, green, blue) >= _WHITE
        return (Paint.WHITE if is_white else Paint.PLAIN), size


def _clean(word: Word) -> bool:
    """Takes out what isn't written; False if nothing is left of the word."""
    text = _NOT_WRITTEN.sub("", word.text)
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    word.text = text
    return bool(text)


def _unreadable(words: list[Word]) -> int:
    characters = Counter("".join(word.text for word in words))
    return sum(
        count
        for letter, count in characters.items()
        if not letter.isascii()
        and (letter == _REPLACEMENT or unicodedata.category(letter) in _UNREADABLE)
    )
