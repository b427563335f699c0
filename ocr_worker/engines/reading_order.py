"""Lines of text, as an engine found them anywhere on a page, in the order in which they are read.

A page is cut into columns, if it has some, at the lines that run across them; and else into what is
above and what is below the widest gap; and so on with each part (a recursive XY-cut).
"""

from collections.abc import Iterator, Sequence
from math import inf
from statistics import median
from typing import Final

Rectangle = tuple[float, float, float, float]
"""`(x0, y0, x1, y1)`."""
Block = list[list[int]]
"""Rows from top to bottom, each with the places of its lines from left to right."""

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
    parts = _columns(lines, chosen, height) or _above_and_below(lines, chosen, height)
    if not parts:
        return [_rows(lines, chosen, height)]
    return [block for part in parts for block in _blocks(lines, part, height)]


def _columns(lines: Sequence[Rectangle], chosen: list[int], height: float) -> list[list[int]]:
    """What is left and right of a gutter, between the lines that run across; empty: no columns."""
    best: tuple[list[int], list[int], list[int]] | None = None
    for gutter in {lines[place][2] for place in chosen}:
        left = [place for place in chosen if lines[place][2] <= gutter]
        right = [place for place in chosen if lines[place][0] >= gutter]
        across = [place for place in chosen if lines[place][0] < gutter < lines[place][2]]
        # A note in the margin has a gutter, too, and is no column.
        if (best is None or len(across) < len(best[2])) and all(
            _is_column(lines, side, height) for side in (left, right)
        ):
            best = left, right, across
    if best is None:
        return []
    left, right, across = best
    if len(across) > min(len(left), len(right)):
        return []
    return list(_bands(lines, left, right, across))


def _bands(
    lines: Sequence[Rectangle], left: list[int], right: list[int], across: list[int]
) -> Iterator[list[int]]:
    """From top to bottom; above each line that runs across first the left side, then the right."""
    before = -inf
    run: list[int] = []
    for place in [*sorted(across, key=lambda place: _middle(lines[place])), None]:
        end = inf if place is None else _middle(lines[place])
        sides = [
            [other for other in side if before <= _middle(lines[other]) < end]
            for side in (left, right)
        ]
        if run and (any(sides) or place is None):
            yield run
            run = []
        yield from filter(None, sides)
        run = run if place is None else [*run, place]
        before = end


def _is_column(lines: Sequence[Rectangle], chosen: Sequence[int], height: float) -> bool:
    widths = [lines[place][2] - lines[place][0] for place in chosen]
    return len(widths) >= _COLUMN_LINES and median(widths) >= _COLUMN_WIDTH * height


def _above_and_below(
    lines: Sequence[Rectangle], chosen: list[int], height: float
) -> list[list[int]]:
    """What the widest gap parts; empty: none is wide enough."""
    ordered = sorted(chosen, key=lambda place: lines[place][1])
    widest, cut = 0.0, 0
    reached = lines[ordered[0]][3]
    for count, place in enumerate(ordered):
        if lines[place][1] - reached > widest:
            widest, cut = lines[place][1] - reached, count
        reached = max(reached, lines[place][3])
    return [ordered[:cut], ordered[cut:]] if widest >= _BLOCK_GAP * height else []


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
