"""The lines of one PDF page: words side by side, without the wide gaps between columns."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ingest_worker.parsers.pdf_words import HYPHEN_AT_LINE_END, View, Word, Words

_WIDE_GAP: Final = 1.2
"""Times the size of the font: no space between two words is as wide, not even in justified text."""
_BESIDE_SHARE: Final = 0.5
"""Of the height of the lower word: two that have more in common stand on one line."""
_LINE_END: Final = re.compile(r"[\r\n]")
_MARK: Final = re.compile(r"[^\w\s]|\(?\w{1,3}[.)]")
"""Of an item of a list: the gap behind it divides nothing."""


@dataclass(slots=True)
class Line:
    """Words that stand side by side; where a line of the page has wide gaps, one piece of it."""

    words: list[Word]
    row: int
    """Pieces of the same line have the same number."""
    x0: float
    y0: float
    x1: float
    y1: float
    baseline: float
    size: float
    """Of the font of most of it, in points."""

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def characters(self) -> int:
        return sum(len(word.text) for word in self.words)


def lines_of(found: Words, words: list[Word], view: View) -> list[Line]:
    """The lines of the words that are seen, in the order in which the file draws them."""
    _mark_ends(found.text, words)
    lines: list[Line] = []
    for row, piece in _pieces(words):
        origin = view.point(*found.textpage.origin(piece[0].start))
        lines.append(
            Line(
                piece,
                row,
                min(word.x0 for word in piece),
                min(word.y0 for word in piece),
                max(word.x1 for word in piece),
                max(word.y1 for word in piece),
                origin[1],
                max(piece, key=_length).size,
            )
        )
    return lines


def _mark_ends(text: str, words: list[Word]) -> None:
    """Writes into each word what stands between it and the next one."""
    for index in range(len(words) - 1):
        word = words[index]
        between = text[word.end : words[index + 1].start]
        if between == " ":
            word.ends = " "
        elif _LINE_END.search(between):
            word.ends = "\n"
        elif between.startswith(HYPHEN_AT_LINE_END):
            word.ends = HYPHEN_AT_LINE_END
        elif between:
            word.ends = " "


def _pieces(words: list[Word]) -> Iterator[tuple[int, list[Word]]]:
    """Cuts at the ends of lines and at wide gaps; the number of the line comes with each piece."""
    row = 0
    piece: list[Word] = []
    for word in words:
        if piece:
            before = piece[-1]
            if before.ends in {"\n", HYPHEN_AT_LINE_END}:
                yield row, piece
                row, piece = row + (not _goes_on(before, word)), []
            elif before.ends and _is_wide(before, word) and not _is_mark(piece):
                yield row, piece
                piece = []
        piece.append(word)
    if piece:
        yield row, piece


def _goes_on(before: Word, word: Word) -> bool:
    """PDFium ends a line at some cells of one character, too; the row goes on at their right."""
    common = min(before.y1, word.y1) - max(before.y0, word.y0)
    lower = min(before.y1 - before.y0, word.y1 - word.y0)
    is_beside = word.x0 > before.x1 and common > lower * _BESIDE_SHARE
    return is_beside and before.ends != HYPHEN_AT_LINE_END


def _is_wide(before: Word, word: Word) -> bool:
    """Text from right to left has its gap on the other side."""
    limit = _WIDE_GAP * max(before.size, word.size)
    return word.x0 - before.x1 > limit or before.x0 - word.x1 > limit


def _is_mark(piece: list[Word]) -> bool:
    return len(piece) == 1 and _MARK.fullmatch(piece[0].text) is not None


def _length(word: Word) -> int:
    return len(word.text)
