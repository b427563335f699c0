"""Markdown as a row of blocks, read by line: headings, tables, code, lists, text between them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

HEADING_CHARACTERS: Final = 120
"""More of a heading is not repeated with each passage."""
_HEADING_LINE_CHARACTERS: Final = 300
"""A longer line is a paragraph."""
_HEADING: Final = re.compile(r"(#{1,6}) +(\S.*)")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_ITEM: Final = re.compile(r"\s*(?:[-*+\u2022]|\d{1,3}[.)])\s+\S")
_CONTINUED: Final = re.compile(r"(?:\t| {2,})\s*\S")
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
HAS_STRUCTURE: Final = re.compile(
    r"^(?:#{1,6} |\|| {0,3}(?:```|~~~)|[ \t]*(?:[-*+\u2022]|\d{1,3}[.)])\s)", re.MULTILINE
)


class Kind(Enum):
    TEXT = auto()
    HEADING = auto()
    TABLE = auto()
    CODE = auto()
    LIST = auto()


@dataclass(slots=True)
class Block:
    """`text[start:end]`; blocks laid end to end are the text."""

    kind: Kind
    start: int
    end: int


class Headings:
    """The headings that a place stands under, as one reads on."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def read(self, line: str) -> int:
        """Takes a heading in; returns its level, from 1."""
        found = _heading(line)
        if found is None:
            return 0
        level, title = found
        self.close(level)
        self._open.append((level, title[:HEADING_CHARACTERS]))
        return level

    def close(self, level: int) -> None:
        """Leaves the sections of this level and below."""
        while self._open and self._open[-1][0] >= level:
            self._open.pop()

    def path(self) -> list[tuple[int, str]]:
        """Levels and titles, from the outermost in."""
        return list(self._open)


def headings_after(lines: Sequence[str]) -> Headings:
    """What a page begins under, from the headings and fences of the pages before it."""
    headings = Headings()
    fence = ""
    for line in lines:
        found = _FENCE.match(line)
        if found and not fence:
            fence = found[1]
        elif fence:
            fence = "" if _closes(line, fence) else fence
        else:
            headings.read(line)
    return headings


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a text, in order; a blank line belongs to the block before it."""
    current: Block | None = None
    fence = ""
    for found in _LINE.finditer(text):
        line = found[0]
        kind, fence = _kind(line, fence, current)
        if current is not None and kind is current.kind and kind is not Kind.HEADING:
            current.end = found.end()
            continue
        if current is not None:
            yield current
        current = Block(kind, found.start(), found.end())
    if current is not None:
        yield current


def _kind(line: str, fence: str, current: Block | None) -> tuple[Kind, str]:
    """A line's kind, and the fence of code that is open after it."""
    if fence:
        return Kind.CODE, "" if _closes(line, fence) else fence
    before = current.kind if current else Kind.TEXT
    if not line.strip():
        return (Kind.TEXT if before is Kind.HEADING else before), ""
    if found := _FENCE.match(line):
        return Kind.CODE, found[1]
    if _heading(line):
        return Kind.HEADING, ""
    if line.startswith("|"):
        return Kind.TABLE, ""
    is_item = _ITEM.match(line) or (before is Kind.LIST and _CONTINUED.match(line))
    return (Kind.LIST if is_item else Kind.TEXT), ""


def _heading(line: str) -> tuple[int, str] | None:
    """Level and title; `#` behind a title, as some write, is no part of it."""
    found = _HEADING.match(line) if len(line) <= _HEADING_LINE_CHARACTERS else None
    if found is None:
        return None
    title = found[2].rstrip()
    bare = title.rstrip("#")
    return len(found[1]), bare.rstrip(" ") if bare.endswith(" ") else title


def _closes(line: str, fence: str) -> bool:
    rest = line.strip()
    return len(rest) >= len(fence) and set(rest) == {fence[0]}
