"""Reading order: text in columns is read column by column.

Most files draw a column before the next one. Some, and most OCR layers, draw line after line
across all of them. Only those lines are put into order: what a file draws in a sensible order
stays, and so do the rows of tables, whose cells don't fill their columns or are drawn one by one.
"""

from collections.abc import Iterator
from itertools import accumulate, groupby, pairwise
from typing import Final

from ingest_worker.parsers.pdf_lines import Line

_FEWEST_LINES: Final = 10
_FEWEST_IN_COLUMN: Final = 5
_STEP_POINTS: Final = 2.0
_NARROWEST_GUTTER: Final = 3
"""Steps."""
_WIDE_LINE: Final = 0.6
"""Of the width of the text: longer lines stand above or below columns."""
_CROSSING_SHARE: Final = 0.15
"""Of the other lines; some cross the space between columns, such as headings in the middle."""
_MARGIN_SHARE: Final = 0.2
"""Of the width of the text: nearer to its edges is no space between columns."""
_FILLED_SHARE: Final = 0.6
"""Lines of running text mostly fill as much of their column; cells of tables don't."""
_WORDS_IN_LINE: Final = 3
"""Fewer on average are cells."""
_SWITCHES_SHARE: Final = 1.2
"""Of a column's lines: the file goes back and forth between columns with nearly every line."""
_DEEPEST: Final = 2


def in_reading_order(lines: list[Line], *, depth: int = 0) -> list[Line]:
    """The same lines, columns one after another."""
    if len(lines) < _FEWEST_LINES or depth > _DEEPEST:
        return lines
    gutter = _gutter(lines)
    if gutter is None:
        return lines
    ordered: list[Line] = []
    for is_across, group in groupby(lines, key=lambda line: line.x0 < gutter < line.x1):
        band = list(group)
        ordered += band if is_across else _by_column(band, gutter, depth)
    return ordered


def _gutter(lines: list[Line]) -> float | None:
    """The middle of the widest vertical strip that hardly a line crosses."""
    left = min(line.x0 for line in lines)
    width = max(line.x1 for line in lines) - left
    narrow = [line for line in lines if line.width < width * _WIDE_LINE]
    steps = int(width / _STEP_POINTS) + 2
    changes = [0] * (steps + 1)
    for line in narrow:
        changes[int((line.x0 - left) / _STEP_POINTS)] += 1
        changes[int((line.x1 - left) / _STEP_POINTS) + 1] -= 1
    limit = len(narrow) * _CROSSING_SHARE
    margin = int(steps * _MARGIN_SHARE)
    free = [crossing <= limit for crossing in accumulate(changes)][margin : steps - margin]
    longest = max(_runs(free), default=(0, 0), key=lambda run: run[1] - run[0])
    if longest[1] - longest[0] < _NARROWEST_GUTTER:
        return None
    return left + (margin + sum(longest) / 2) * _STEP_POINTS


def _runs(free: list[bool]) -> Iterator[tuple[int, int]]:
    """Beginnings and ends of what is true."""
    start = 0
    for is_free, group in groupby(free):
        end = start + len(list(group))
        if is_free:
            yield start, end
        start = end


def _by_column(band: list[Line], gutter: float, depth: int) -> list[Line]:
    left = [line for line in band if line.x1 <= gutter]
    right = [line for line in band if line.x1 > gutter]
    fewest = min(len(left), len(right))
    if fewest < _FEWEST_IN_COLUMN or not (_is_text(left) and _is_text(right)):
        return band
    switches = sum((one.x1 <= gutter) != (two.x1 <= gutter) for one, two in pairwise(band))
    if switches < fewest * _SWITCHES_SHARE:
        return band
    return in_reading_order(left, depth=depth + 1) + in_reading_order(right, depth=depth + 1)


def _is_text(lines: list[Line]) -> bool:
    """Whether it looks like running text, in one column or two."""
    if sum(len(line.words) for line in lines) < len(lines) * _WORDS_IN_LINE:
        return False
    if _is_filled(lines):
        return True
    gutter = _gutter(lines)
    if gutter is None:
        return False
    left = [line for line in lines if line.x1 <= gutter]
    right = [line for line in lines if line.x1 > gutter]
    return bool(left and right) and _is_filled(left) and _is_filled(right)


def _is_filled(column: list[Line]) -> bool:
    """Whether most lines go from its left edge nearly to its right."""
    left = min(line.x0 for line in column)
    width = max(line.x1 for line in column) - left
    filling = [line for line in column if line.width >= width * _FILLED_SHARE]
    return len(filling) >= len(column) * _FILLED_SHARE
