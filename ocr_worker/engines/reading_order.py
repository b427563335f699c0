"""Lines of text, as an engine found them anywhere on a page, in the order in which they are read.

The page is cut where nothing stands: into columns, if there are some, and else into what is above
and what is below the widest gap, and so on (recursive XY-cut).
"""

from collections.abc import Sequence
from statistics import median
from typing import Final

Rectangle = tuple[float, float, float, float]
"""`(x0, y0, x1, y1)`."""
Block = list[list[int]]
"""Rows from top to bottom, each with the places of its lines from left to right."""

_COLUMN_GAP: Final = 0.8
"""Between columns, in heights of a line."""
_COLUMN_LINES: Final = 3
"""A column has as many lines at least, and ..."""
_COLUMN_WIDTH: Final = 8.0
"""... they are so wide, in heights of a line. Columns of a table are narrower: read by rows."""
_BLOCK_GAP: Final = 0.7
"""Between paragraphs, in heights of a line."""
_SAME_ROW: Final = 0.5
"""Centres of lines in one row differ by less, in heights of a line."""


def in_reading_order(lines: Sequence[Rectangle]) -> list[Block]:
    """Blocks in reading order, holding the index of every line once."""
    if not lines:
        return []
    height = median(bottom - top for _, top, _, bottom in lines)
    return _blocks(lines, list(range(len(lines))), max(height, 1.0))


def _blocks(lines: Sequence[Rectangle], chosen: list[int], height: float) -> list[Block]:
    gap, left, right = _widest_gap(lines, chosen, axis=0)
    if gap >= _COLUMN_GAP * height and all(
        _is_column(lines, side, height) for side in (left, right)
    ):
        return _blocks(lines, left, height) + _blocks(lines, right, height)
    gap, above, below = _widest_gap(lines, chosen, axis=1)
    if gap >= _BLOCK_GAP * height:
        return _blocks(lines, above, height) + _blocks(lines, below, height)
    return [_rows(lines, chosen, height)]


def _widest_gap(
    lines: Sequence[Rectangle], chosen: Sequence[int], *, axis: int
) -> tuple[float, list[int], list[int]]:
    """The widest stripe in which nothing stands, and what is before and behind it."""
    ordered = sorted(chosen, key=lambda place: lines[place][axis])
    widest, cut = 0.0, 0
    reached = lines[ordered[0]][axis + 2]
    for count, place in enumerate(ordered):
        gap = lines[place][axis] - reached
        if gap > widest:
            widest, cut = gap, count
        reached = max(reached, lines[place][axis + 2])
    return widest, ordered[:cut], ordered[cut:]


def _is_column(lines: Sequence[Rectangle], chosen: Sequence[int], height: float) -> bool:
    widths = [lines[place][2] - lines[place][0] for place in chosen]
    return len(widths) >= _COLUMN_LINES and median(widths) >= _COLUMN_WIDTH * height


def _rows(lines: Sequence[Rectangle], chosen: Sequence[int], height: float) -> Block:
    rows: Block = []
    last = 0.0
    for place in sorted(chosen, key=lambda place: _middle(lines[place])):
        middle = _middle(lines[place])
        if rows and middle - last < _SAME_ROW * height:
            rows[-1].append(place)
        else:
            rows.append([place])
            last = middle
    return [sorted(row, key=lambda place: lines[place][0]) for row in rows]


def _middle(line: Rectangle) -> float:
    return (line[1] + line[3]) / 2
