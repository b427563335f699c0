"""Text without pages is cut into parts of a few thousand characters, which count as its pages."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ingest_worker.parsers.encoding import clean
from ingest_worker.parsers.protocol import PageText

PART_CHARACTERS: Final = 6000
_BEGINS_AT_HEADING: Final = PART_CHARACTERS // 2
"""From this length on a part ends before the next heading."""
_REPEATED_CHARACTERS: Final = PART_CHARACTERS // 4
_LABEL_CHARACTERS: Final = 200
_PIECES: Final = (re.compile(r"(?<=\n)"), re.compile(r"(?<=[.!?。])\s+|(?<=\s)"), re.compile(r""))
"""Where a block that is too long is cut: after lines, after words, anywhere."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, list item or table; parts begin and end between blocks."""

    text: str
    is_heading: bool = False
    repeated: str = ""
    """Begins every piece where the block has to be cut, unless it is long: the head of a table."""
    is_close: bool = False
    """Follows the block before it without a blank line, as items of a list do."""


@dataclass(frozen=True, slots=True)
class Section:
    """What stands together: a slide, a sheet, or a whole document."""

    blocks: tuple[Block, ...]
    label: str = ""


def parts(sections: Iterable[Section]) -> tuple[PageText, ...]:
    """Pages: one for each section, more where a section is long.

    Without a label of its own a part is called after the last heading at or before its beginning.
    """
    found = [part for section in sections for part in _parts_of(section)]
    return tuple(
        PageText(number, clean(label)[:_LABEL_CHARACTERS], text)
        for number, (label, text) in enumerate(found, start=1)
    )


def _parts_of(section: Section) -> Iterator[tuple[str, str]]:
    """Label and text of each part; a section without text is one empty part."""
    heading = ""
    label = section.label
    text = ""
    for block in _short_blocks(section.blocks):
        is_full = len(text) + len(block.text) > PART_CHARACTERS
        if text and (is_full or (block.is_heading and len(text) >= _BEGINS_AT_HEADING)):
            yield label, text
            text = ""
            label = section.label or heading
        if block.is_heading:
            heading = block.text.lstrip("# ").split("\n")[0]
        if not text and not section.label:
            label = heading
        text += _gap(text, block) + block.text
    yield label, text


def _gap(text: str, block: Block) -> str:
    if not text:
        return ""
    return "\n" if block.is_close else "\n\n"


def _short_blocks(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        text = clean(block.text).strip()
        if len(text) <= PART_CHARACTERS:
            if text:
                yield Block(text, block.is_heading, is_close=block.is_close)
            continue
        repeated = block.repeated if len(block.repeated) <= _REPEATED_CHARACTERS else ""
        for index, piece in enumerate(_pieces(text, PART_CHARACTERS - len(repeated), _PIECES)):
            yield Block((repeated if index else "") + piece.strip())


def _pieces(text: str, room: int, cuts: tuple[re.Pattern[str], ...]) -> Iterator[str]:
    """Pieces of at most `room` characters, cut at the first kind of place that makes them fit."""
    piece = ""
    for unit in _units(text, cuts[0]):
        if len(piece) + len(unit) > room:
            if piece.strip():
                yield piece
            piece = ""
        if len(unit) > room:
            yield from _pieces(unit, room, cuts[1:])
        else:
            piece += unit
    if piece.strip():
        yield piece


def _units(text: str, cut: re.Pattern[str]) -> Iterator[str]:
    start = 0
    for match in cut.finditer(text):
        if match.end() > start:
            yield text[start : match.end()]
            start = match.end()
    if start < len(text):
        yield text[start:]
