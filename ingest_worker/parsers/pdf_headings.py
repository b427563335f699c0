"""Which lines of a PDF page are headings, and of which level.

Trusted, in this order: the outline of the document, letters that are clearly larger than all common
ones, and bold lines that stand alone. Tags are not looked at: few files have headings among them,
and PDFium takes longer to read those of a page than its text. What isn't certain stays text: a
wrong heading stands above all that follows it.
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ingest_worker.parsers.protocol import Box

_LEVELS: Final = ((1.8, 1), (1.4, 2), (1.15, 3))
"""Times the common size, from which on a heading is of a level."""
DEEPEST: Final = 3
_LINES: Final = 3
"""A longer heading is a paragraph in large letters."""
_LINE_STEP: Final = 1.7
"""Times the size of the font: lines farther apart are two headings."""
_SAME_SIZE: Final = 0.3
"""Points."""
_CHARACTERS: Final = 150
_BOLD_CHARACTERS: Final = 80
_WORDS: Final = 20
_LETTERS_SHARE: Final = 0.5
_MARGIN_SHARE: Final = 0.06
"""Of the page's height, at its upper and lower edge: there stand its running titles."""
_PAGE_SHARE: Final = 0.35
"""Of the page's characters: more, and what is large there isn't headings."""
_BEGINS: Final = re.compile(r"[\w□■◆◇▣]")
"""Items of lists, quotations and formulas begin otherwise."""
_ENDS: Final = re.compile(r"(?<![.,;:…=\-])$")
_NUMBER: Final = re.compile(
    r"(?:\d{1,2}(?:\.\d{1,2}){0,3}|[IVX]{1,4}|[A-Z])[.)]?|제\s?\d+\s?[장절조]"
)


@dataclass(frozen=True, slots=True)
class TextRow:
    """A line of the page's text that is no row of a table: `text[start:end]`."""

    start: int
    end: int
    size: float
    baseline: float
    is_whole: bool
    """Whether no wide gap divides it, but one behind its number."""
    is_bold: bool
    """Stands alone in letters that are bolder than those of the next line."""


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    level: int


def with_headings(
    text: str,
    boxes: tuple[Box, ...],
    rows: Sequence[TextRow | None],
    *,
    height: float,
    common_size: float,
    outline: Mapping[str, int],
) -> tuple[str, tuple[Box, ...]]:
    """The text with `#` before its headings, each on one line, and its boxes moved accordingly.

    `rows` in order, None where a table stands; `outline`: level by the `key` of titles that the
    document's outline says stand on this page.
    """
    found = _outlined(text, rows, outline)
    taken = {one.start for one in found}
    large = _large(text, rows, height=height, common_size=common_size)
    found += [one for one in large if one.start not in taken]
    if not found:
        return text, boxes
    ordered = sorted(found, key=lambda one: one.start)
    return _marked(text, boxes, [one for one in _apart(ordered) if _has_lines(text, one)])


def key(title: str) -> str:
    """What titles have in common however they are spaced and numbered."""
    return "".join(unicodedata.normalize("NFKC", title).casefold().split()).lstrip("0123456789.)")


def _outlined(
    text: str, rows: Sequence[TextRow | None], outline: Mapping[str, int]
) -> list[_Found]:
    """Lines that say what the outline does."""
    found = []
    for index, row in enumerate(rows if outline else ()):
        for length in range(1, _LINES + 1):
            last = rows[index + length - 1] if index + length <= len(rows) else None
            if row is None or last is None:
                break
            level = outline.get(key(text[row.start : last.end]), 0)
            if level:
                found.append(_Found(row.start, last.end, min(level, DEEPEST)))
                break
    return found


def _large(
    text: str, rows: Sequence[TextRow | None], *, height: float, common_size: float
) -> list[_Found]:
    """By size and boldness; none on a page that is mostly made of such lines, but its largest."""
    if not common_size:
        return []
    found = []
    for run in _runs(rows, common_size * _LEVELS[-1][0]):
        level = _level(run, common_size)
        is_margin = not height * _MARGIN_SHARE < run[0].baseline < height * (1 - _MARGIN_SHARE)
        if level and not (is_margin and level == DEEPEST) and _is_title(text, run):
            found.append((run[0].size, _Found(run[0].start, run[-1].end, level)))
    marked = sum(one.end - one.start for _, one in found)
    if marked > len(text) * _PAGE_SHARE:
        largest = max(size for size, _ in found)
        found = [one for one in found if one[0] >= largest - _SAME_SIZE]
        return [found[0][1]] if len(found) == 1 else []
    return [one for _, one in found]


def _runs(rows: Sequence[TextRow | None], large: float) -> Iterator[list[TextRow]]:
    """Lines that look the same and follow each other closely; `large` ones may be bold or not."""
    run: list[TextRow] = []
    for row in rows:
        if run and (row is None or not _goes_on(run[-1], row, large)):
            yield run
            run = []
        if row is not None:
            run.append(row)
    if run:
        yield run


def _goes_on(above: TextRow, below: TextRow, large: float) -> bool:
    step = below.baseline - above.baseline
    is_same = abs(above.size - below.size) <= _SAME_SIZE
    if above.size < large:
        is_same = is_same and above.is_bold is below.is_bold
    return is_same and 0 < step < _LINE_STEP * above.size


def _level(run: list[TextRow], common_size: float) -> int:
    if len(run) > _LINES or not all(row.is_whole for row in run):
        return 0
    ratio = run[0].size / common_size if math.isfinite(run[0].size) else 0.0
    level = next((level for least, level in _LEVELS if ratio >= least), 0)
    is_bold = run[0].is_bold and len(run) == 1 and round(ratio, 1) >= 1
    return level or (DEEPEST if is_bold else 0)


def _is_title(text: str, run: list[TextRow]) -> bool:
    """Whether it may be one by what it says."""
    title = text[run[0].start : run[-1].end]
    letters = sum(map(str.isalpha, title))
    return (
        len(title) <= _CHARACTERS
        and len(title.split()) <= _WORDS
        and letters >= max(2, len("".join(title.split())) * _LETTERS_SHARE)
        and not title[0].islower()
        and _BEGINS.match(title) is not None
        and _ENDS.search(title) is not None
    )


def is_number(text: str) -> bool:
    """Whether this may stand before a heading, with a wide gap behind it."""
    return _NUMBER.fullmatch(text) is not None


def may_be_bold_title(characters: int) -> bool:
    """Whether it is worth looking at the font of a line."""
    return characters <= _BOLD_CHARACTERS


def _apart(found: list[_Found]) -> list[_Found]:
    """Without those that begin inside the one before."""
    kept: list[_Found] = []
    for one in found:
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def _has_lines(text: str, one: _Found) -> bool:
    """Whether it has its lines for itself: a word that goes on in the next line joins two."""
    return text[one.start - 1 : one.start] in {"", "\n"} and text[one.end : one.end + 1] in {
        "",
        "\n",
    }


def _marked(text: str, boxes: tuple[Box, ...], found: list[_Found]) -> tuple[str, tuple[Box, ...]]:
    pieces: list[str] = []
    moved: list[Box] = []
    position = shift = index = 0
    for one in found:
        mark = "#" * one.level + " "
        pieces += [text[position : one.start], mark, text[one.start : one.end].replace("\n", " ")]
        position = one.end
        while index < len(boxes) and boxes[index][0] < one.start:
            moved.append(_moved(boxes[index], shift))
            index += 1
        shift += len(mark)
    moved += [_moved(box, shift) for box in boxes[index:]]
    return "".join([*pieces, text[position:]]), tuple(moved)


def _moved(box: Box, shift: int) -> Box:
    start, end, *place = box
    x0, y0, x1, y1 = place
    return (start + shift, end + shift, x0, y0, x1, y1)
