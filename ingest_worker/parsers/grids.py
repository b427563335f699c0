"""Tables with cells over several rows or columns: each place says what the cell says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

_COLUMNS: Final = 200
_ROWS: Final = 1000
REPEATED_CHARACTERS: Final = 100
"""A heading is worth repeating in each column that it stands over, a paragraph isn't."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell, and how many rows and columns it covers."""

    text: str
    rows: int = 1
    columns: int = 1


def spread(rows: Iterable[Sequence[Cell]]) -> list[list[str]]:
    """Rows of text, in which short cells are repeated wherever they reach."""
    found: list[list[str]] = []
    from_above: dict[int, tuple[str, int]] = {}
    for cells in rows:
        row: list[str] = []
        below: dict[int, tuple[str, int]] = {}
        for cell in cells:
            _take_from_above(row, from_above, below)
            repeated = cell.text if len(cell.text) <= REPEATED_CHARACTERS else ""
            for index in range(max(1, min(cell.columns, _COLUMNS - len(row)))):
                if cell.rows > 1:
                    below[len(row)] = (repeated, min(cell.rows, _ROWS) - 1)
                row.append(repeated if index else cell.text)
        _take_from_above(row, from_above, below)
        found.append(row)
        from_above = below
    return found


def _take_from_above(
    row: list[str], above: dict[int, tuple[str, int]], below: dict[int, tuple[str, int]]
) -> None:
    """Fills the places that a cell of an earlier row reaches into."""
    while len(row) in above:
        text, rows = above[len(row)]
        if rows > 1:
            below[len(row)] = (text, rows - 1)
        row.append(text)
