"""Simple tables: lines whose pieces stand below each other become the rows of a Markdown table.

Only what is certain becomes a table. Everything else stays text, row by row: a cell of two lines, a
cell across columns or a row that doesn't fit would put words where they don't belong.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

from ingest_worker.parsers.pdf_lines import Line

Row = list[Line]
"""The pieces of one line."""
_FEWEST_ROWS: Final = 3
_TWO_TEXTS: Final = 2
"""Columns; as few may also be two texts side by side, or text and its indentation."""
_FEWEST_PAIRS: Final = 5
"""Rows, where there are only two columns."""
_FULL_ROWS_SHARE: Final = 0.6
_CELL_CHARACTERS: Final = 40
"""On average, where there are only two columns."""
_ROW_STEP: Final = 4.0
"""Times the size of the font: rows that are farther apart don't belong together."""


@dataclass(frozen=True, slots=True)
class Table:
    rows: list[list[Line | None]]
    """All of as many cells; None is an empty one."""


def rows_and_tables(lines: list[Line]) -> Iterator[Row | Table]:
    """Rows as they come; those that make up a table together."""
    rows = [list(pieces) for _, pieces in groupby(lines, key=lambda line: line.row)]
    index = 0
    while index < len(rows):
        end = _end_of_run(rows, index)
        table = _table(rows[index:end]) if end - index >= _FEWEST_ROWS else None
        if table:
            yield table
            index = end
        else:
            # A row that doesn't fit may stand at the top, as a heading of several columns does.
            yield rows[index]
            index += 1


def _end_of_run(rows: list[Row], start: int) -> int:
    end = start
    while end < len(rows) and len(rows[end]) > 1 and _goes_right(rows[end]):
        step = rows[end][0].baseline - rows[end - 1][0].baseline
        if end > start and not 0 < step < _ROW_STEP * rows[end][0].size:
            break
        end += 1
    return end


def _goes_right(row: Row) -> bool:
    return all(one.x1 <= two.x0 for one, two in pairwise(row))


def _table(rows: list[Row]) -> Table | None:
    """The rows with a cell for each column, None if they don't fit together."""
    starts = _columns(rows)
    fullest = max(map(len, rows))
    full = sum(len(row) == fullest for row in rows)
    if len(starts) != fullest or full < len(rows) * _FULL_ROWS_SHARE:
        return None
    pieces = [piece for row in rows for piece in row]
    is_long = sum(piece.characters for piece in pieces) > _CELL_CHARACTERS * len(pieces)
    if fullest == _TWO_TEXTS and (is_long or len(rows) < _FEWEST_PAIRS):
        return None
    filled = []
    for row in rows:
        cells: list[Line | None] = [None] * fullest
        for piece in row:
            column = sum(start <= piece.x0 for start in starts) - 1
            if cells[column]:
                return None
            cells[column] = piece
        filled.append(cells)
    return Table(filled)


def _columns(rows: list[Row]) -> list[float]:
    """Where columns begin: stretches that pieces cover, with nothing between them."""
    stretches = sorted((piece.x0, piece.x1) for row in rows for piece in row)
    starts = [stretches[0][0]]
    end = stretches[0][1]
    for x0, x1 in stretches:
        if x0 > end:
            starts.append(x0)
        end = max(end, x1)
    return starts
