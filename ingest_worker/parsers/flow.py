"""Running text of word processors: paragraphs, and what is set into them, as blocks.

Readers of a format build paragraphs; how notes, tables and frames are written is decided here. How
deep things may stand in each other is limited by the readers.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from ingest_worker.parsers.grids import REPEATED_CHARACTERS
from ingest_worker.parsers.parts import Block
from ingest_worker.parsers.tables import table

_DEEPEST_HEADING: Final = 6
_HEADING_CHARACTERS: Final = 200
"""Whole paragraphs are outlined in contracts and laws; they aren't headings."""
_SPARSE: Final = 4
"""Places to cells: beyond it (and `_PLACES`) what a table says of its cells isn't believed."""
_PLACES: Final = 10_000
_REPEATED: Final = 50_000
"""Places of a table that cells are repeated in; cells that claim more lie."""


@dataclass(slots=True)
class Paragraph:
    pieces: "list[str | Inset]" = field(default_factory=list)
    heading: int = 0
    """Level from 1; 0 if it is none."""
    is_item: bool = False
    level: int = 0
    """Of an item, from 0."""
    number: str = ""
    """Written before it, where the file leaves counting to its reader."""


@dataclass(slots=True)
class Frame:
    """A text box, the text of shapes, a caption."""

    paragraphs: list[Paragraph]


@dataclass(slots=True)
class Margin:
    """A header or footer: written where it first appears."""

    paragraphs: list[Paragraph]


@dataclass(slots=True)
class Note:
    kind: Literal["foot", "end"]
    paragraphs: list[Paragraph]


@dataclass(slots=True)
class Cell:
    row: int
    column: int
    paragraphs: list[Paragraph]
    rows: int = 1
    """How many it covers: what is short is said in each of them. Columns aren't repeated: forms
    are drawn with a dozen of them, which their cells cover as it looks well."""


@dataclass(slots=True)
class Grid:
    cells: list[Cell]
    caption: list[Paragraph] = field(default_factory=list)


Inset = Frame | Margin | Note | Grid


class FlowWriter:
    """Writes one document: its notes are numbered through, its headers appear once."""

    def __init__(self) -> None:
        self._margins: set[str] = set()
        self._notes = {"foot": 0, "end": 0}
        self._waiting: list[Block] = []

    def blocks(self, paragraphs: Iterable[Paragraph]) -> Iterator[Block]:
        """Each paragraph, then its notes, then the tables and frames that are anchored in it."""
        for paragraph in paragraphs:
            for inset in _insets(paragraph, Margin):
                yield from self._margin(inset)
            text = self._line(paragraph)
            if text:
                yield _block(paragraph, text)
            yield from self._notes_so_far()
            for piece in paragraph.pieces:
                if isinstance(piece, Frame):
                    yield from self.blocks(piece.paragraphs)
                elif isinstance(piece, Grid):
                    yield from self._grid(piece)

    def _margin(self, margin: "Inset") -> Iterator[Block]:
        text = self._plain(margin.paragraphs) if isinstance(margin, Margin) else ""
        if text and text not in self._margins:
            self._margins.add(text)
            yield Block(text)
        yield from self._notes_so_far()

    def _line(self, paragraph: Paragraph) -> str:
        """The paragraph's own text with marks of its notes, which then wait to be written.

        What stands at both sides of a table isn't one word.
        """
        text = ""
        for piece in paragraph.pieces:
            if isinstance(piece, str):
                text += piece
            elif isinstance(piece, Note):
                text += self._mark(piece)
            elif isinstance(piece, Grid):
                text += " "
        text = text.strip()
        return f"{paragraph.number} {text}" if text and paragraph.number else text

    def _mark(self, note: Note) -> str:
        self._notes[note.kind] += 1
        mark = f"[^{'e' if note.kind == 'end' else ''}{self._notes[note.kind]}]"
        self._waiting.append(Block(f"{mark}: {self._plain(note.paragraphs)}"))
        return mark

    def _notes_so_far(self) -> list[Block]:
        found, self._waiting = self._waiting, []
        return found

    def _grid(self, grid: Grid) -> Iterator[Block]:
        yield from self.blocks(grid.caption)
        if len(grid.cells) == 1:
            yield from self.blocks(grid.cells[0].paragraphs)
            return
        cells = sorted(grid.cells, key=lambda cell: (cell.row, cell.column))
        texts = [self._plain(cell.paragraphs) for cell in cells]
        rows = sorted({cell.row for cell in cells})
        columns = sorted({cell.column for cell in cells})
        if len(rows) * len(columns) > max(_PLACES, _SPARSE * len(cells)):
            yield Block("\n".join(filter(None, texts)))
        else:
            yield table(_places(cells, texts, rows, columns))
        yield from self._notes_so_far()

    def _plain(self, paragraphs: Iterable[Paragraph]) -> str:
        """All text in a few lines: for cells and notes, where blocks can't stand."""
        lines = []
        for paragraph in paragraphs:
            lines.append(self._line(paragraph))
            for piece in paragraph.pieces:
                if isinstance(piece, Frame | Margin):
                    lines.append(self._plain(piece.paragraphs))
                elif isinstance(piece, Grid):
                    lines.append(self._plain(piece.caption))
                    lines += [self._plain(cell.paragraphs) for cell in piece.cells]
        return "\n".join(filter(None, lines))


def _insets(paragraph: Paragraph, kind: type[Margin]) -> Iterator[Margin]:
    return (piece for piece in paragraph.pieces if isinstance(piece, kind))


def _block(paragraph: Paragraph, text: str) -> Block:
    if paragraph.heading and len(text) <= _HEADING_CHARACTERS:
        marks = "#" * min(paragraph.heading, _DEEPEST_HEADING)
        return Block(f"{marks} {' '.join(text.split())}", is_heading=True)
    if paragraph.is_item:
        mark = "" if paragraph.number else "- "
        indent = "  " * min(paragraph.level, _DEEPEST_HEADING)
        return Block(f"{indent}{mark}{text}", is_close=True)
    return Block(text)


def _places(
    cells: list[Cell], texts: list[str], rows: list[int], columns: list[int]
) -> list[list[str]]:
    found = [[""] * len(columns) for _ in rows]
    own: set[tuple[int, int]] = set()
    for cell, text in zip(cells, texts, strict=True):
        row, column = bisect_left(rows, cell.row), bisect_left(columns, cell.column)
        before = found[row][column]
        found[row][column] = f"{before} {text}" if before else text
        own.add((row, column))
    budget = iter(range(_REPEATED))
    for cell, text in zip(cells, texts, strict=True):
        if not text or len(text) > REPEATED_CHARACTERS or len(columns) == 1:
            continue
        column = bisect_left(columns, cell.column)
        first, last = bisect_right(rows, cell.row), bisect_left(rows, cell.row + cell.rows)
        for row, _ in zip(range(first, last), budget, strict=False):
            if (row, column) not in own:
                found[row][column] = found[row][column] or text
    return found
