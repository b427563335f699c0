"""How the lines of a PDF page look: what tells headings from other text."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from ingest_worker.parsers.pdf_calls import TextPage
from ingest_worker.parsers.pdf_headings import TextRow, is_number, may_be_bold_title
from ingest_worker.parsers.pdf_rows import Row, Table
from ingest_worker.parsers.pdf_words import Word
from ingest_worker.parsers.protocol import Box

_BOLD: Final = re.compile(
    rb"bold|heavy|black|demi|\b(?:cm|ec|lm|sf)[a-z]*bx|-medi\b", re.IGNORECASE
)
_SAMPLED_CHARACTERS: Final = 150
_NUMBER_AND_TITLE: Final = 2
"""Pieces of a line."""


def sampled_sizes(textpage: TextPage, text: str) -> Counter[float]:
    """How often a size of letters, in half points, is met with on a page."""
    step = max(1, len(text) // _SAMPLED_CHARACTERS)
    places = (index for index in range(0, len(text), step) if text[index].isalnum())
    return Counter(round(textpage.size(index) * 2) / 2 for index in places)


def text_rows(
    blocks: Sequence[Row | Table],
    boxes: Sequence[Box],
    textpage: TextPage,
    wide: float,
) -> Iterator[TextRow | None]:
    """The lines in the order of the text, None for each table; `boxes` are those of their words.

    `wide`: from baseline to baseline in points, from here on a line begins a paragraph.
    """
    index = 0
    above: Row | Table | None = None
    for place, block in enumerate(blocks):
        if isinstance(block, Table):
            index += sum(len(cell.words) for row in block.rows for cell in row if cell)
            yield None
        else:
            words = list(chain.from_iterable(piece.words for piece in block))
            first, last = boxes[index], boxes[index + len(words) - 1]
            index += len(words)
            below = blocks[place + 1] if place + 1 < len(blocks) else None
            is_apart = not isinstance(above, list) or _step(above, block) > wide
            yield TextRow(
                first[0],
                last[1],
                block[0].size if len(block) == 1 else block[-1].size,
                block[0].baseline,
                _is_whole(block),
                is_apart
                and may_be_bold_title(last[1] - first[0])
                and _is_bolder(words, below, textpage),
            )
        above = block


def _step(above: Row, below: Row) -> float:
    """Between two lines; without an end where the lower one begins another column."""
    step = below[0].baseline - above[0].baseline
    return step if step > 0 else float("inf")


def _is_whole(row: Row) -> bool:
    if len(row) == _NUMBER_AND_TITLE:
        return is_number(" ".join(word.text for word in row[0].words))
    return len(row) == 1


def _is_bolder(words: list[Word], below: Row | Table | None, textpage: TextPage) -> bool:
    """Than the line below, of which there has to be one."""
    return (
        isinstance(below, list)
        and _is_bold(words[0], textpage)
        and _is_bold(words[-1], textpage)
        and not _is_bold(below[0].words[0], textpage)
    )


def _is_bold(word: Word, textpage: TextPage) -> bool:
    drawn_by = textpage.text_object(word.start)
    return bool(drawn_by) and _BOLD.search(textpage.font_name(drawn_by)) is not None
