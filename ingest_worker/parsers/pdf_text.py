"""The text layer of one PDF page: words in reading order, and where they stand.

PDFium gives characters in the order in which the file draws them, with generated spaces and line
ends between them. Here they become words, lines, and rows; a page's text and its boxes are then
written together, so that they always agree.
"""

import math
import statistics
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final

import pypdfium2 as pdfium

from ingest_worker.parsers.pdf_columns import in_reading_order
from ingest_worker.parsers.pdf_drawings import seen
from ingest_worker.parsers.pdf_headings import TextRow
from ingest_worker.parsers.pdf_lines import Line, lines_of
from ingest_worker.parsers.pdf_looks import sampled_sizes, text_rows
from ingest_worker.parsers.pdf_notes import Note
from ingest_worker.parsers.pdf_rows import Row, Table, rows_and_tables
from ingest_worker.parsers.pdf_words import HYPHEN_AT_LINE_END, Paint, View, Word, read_words
from ingest_worker.parsers.protocol import Box

_PARAGRAPH_STEP: Final = 1.3
"""Times the usual step from line to line: from here on a line begins a paragraph."""
_HEADING_SIZE: Final = 1.15
"""Times the size of its neighbour: from here on a line is a heading, and stands alone."""
_DECIMALS: Final = 1


@dataclass(frozen=True, slots=True)
class TextLayer:
    text: str
    boxes: tuple[Box, ...]
    characters: int
    """Visible ones."""
    unreadable: int
    """Of these, the ones whose font doesn't say which characters they are."""
    unpainted: int
    """Of these, the ones that are there to be found and copied only: what OCR has read before."""
    rows: tuple[TextRow | None, ...]
    """How its lines look, None where a table stands."""
    sizes: Counter[float]
    """Of a sample of its characters, in points; empty unless the page is one of the samples."""


def read_text_layer(
    page: pdfium.PdfPage,
    view: View,
    notes: Sequence[Note],
    *,
    is_sample: bool,
) -> TextLayer:
    """Text, boxes and how much of it can be trusted; notes follow the page's own text."""
    found = read_words(page, view)
    words = seen(found.words, page, view)
    lines = in_reading_order(lines_of(found, words, view))
    _undo_hyphens(lines)
    blocks = list(rows_and_tables(lines))
    wide = _paragraph_step(lines)
    of_notes = _text_of_notes(notes, view, is_first=not lines)
    text, boxes = _write(chain(_text_of(blocks, wide), of_notes))
    unpainted = sum(len(word.text) for word in words if word.paint is Paint.UNPAINTED)
    characters = sum(len(word.text) for word in words)
    return TextLayer(
        text,
        boxes,
        characters,
        found.unreadable,
        unpainted,
        tuple(text_rows(blocks, boxes, found.textpage, wide)),
        sampled_sizes(found.textpage, found.text) if is_sample else Counter(),
    )


def _undo_hyphens(lines: list[Line]) -> None:
    """A word that is divided between two lines stays one word, with two boxes."""
    for line, below in pairwise(lines):
        word = line.words[-1]
        if word.ends == HYPHEN_AT_LINE_END and not below.words[0].text[0].islower():
            word.text += "-"


def _text_of(blocks: Iterable[Row | Table], wide: float) -> Iterator[Word | str]:
    """The words, and what is written between them."""
    above: Row | Table | None = None
    for block in blocks:
        if isinstance(block, Table):
            yield "\n\n" if above else ""
            yield from _table(block)
        else:
            if isinstance(above, Table):
                yield "\n\n"
            elif above:
                yield _between(above, block, wide)
            yield from _row(block)
        above = block


def _paragraph_step(lines: list[Line]) -> float:
    """From baseline to baseline, in points: from here on a line begins a paragraph."""
    steps = [below.baseline - line.baseline for line, below in pairwise(lines)]
    usual = [step for step in steps if step > 0]
    return statistics.median(usual) * _PARAGRAPH_STEP if usual else math.inf


def _between(above: Row, below: Row, wide: float) -> str:
    one, two = above[0], below[0]
    if above[-1].words[-1].ends == HYPHEN_AT_LINE_END:
        return ""
    is_heading = max(one.size, two.size) > min(one.size, two.size) * _HEADING_SIZE
    return "\n\n" if two.baseline - one.baseline > wide or is_heading else "\n"


def _row(row: Row) -> Iterator[Word | str]:
    for index, piece in enumerate(row):
        if index:
            yield " "
        yield from _words(piece)


def _table(table: Table) -> Iterator[Word | str]:
    """Rows of Markdown; the first one is the head."""
    for number, cells in enumerate(table.rows):
        yield "\n|" if number else "|"
        for cell in cells:
            yield " "
            if cell:
                yield from _cell(cell)
            yield " |"
        if not number:
            yield "\n|" + " --- |" * len(cells)


def _cell(cell: Line) -> Iterator[Word | str]:
    for word in cell.words:
        word.text = word.text.replace("|", "\\|")
    return _words(cell)


def _words(line: Line) -> Iterator[Word | str]:
    for word in line.words[:-1]:
        yield word
        yield word.ends
    yield line.words[-1]


def _text_of_notes(notes: Sequence[Note], view: View, *, is_first: bool) -> Iterator[Word | str]:
    """Each note is a paragraph; its words stand where its sign does."""
    for note in notes:
        yield "" if is_first else "\n\n"
        is_first = False
        for index, text in enumerate(note.text.split()):
            yield " " if index else ""
            yield Word(text, *view.place(note.place))


def _write(items: Iterable[Word | str]) -> tuple[str, tuple[Box, ...]]:
    """The text, and a box for each word."""
    pieces: list[str] = []
    boxes: list[Box] = []
    length = 0
    for item in items:
        if isinstance(item, str):
            text = item
        else:
            text = unicodedata.normalize("NFC", item.text)
            place = (item.x0, item.y0, item.x1, item.y1)
            x0, y0, x1, y1 = (round(value, _DECIMALS) for value in place)
            boxes.append((length, length + len(text), x0, y0, x1, y1))
        pieces.append(text)
        length += len(text)
    return "".join(pieces), tuple(boxes)
