"""Passages that follow the structure of Markdown: sections, whole tables, code and lists.

Text between them is cut by the recursive splitter; without structure all is text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ingest_worker.chunkers.blocks import (
    HAS_STRUCTURE,
    Block,
    Headings,
    Kind,
    blocks,
    headings_after,
)
from ingest_worker.chunkers.protocol import Span
from ingest_worker.chunkers.recursive import (
    CHUNK_SIZE,
    RecursiveChunker,
    overlapping_start,
    size,
    stripped,
)

SECTION_SIZE: Final = CHUNK_SIZE // 3
"""A section that is shorter shares its passage with the next one."""
TABLE_HEAD_SIZE: Final = CHUNK_SIZE // 3
"""A longer head is not repeated."""
_TABLE_HEAD: Final = re.compile(r"\|[^\n]*\n\|(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*(?:\n|$)")
_ROW: Final = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is put into a passage as a whole; pieces laid end to end are the text."""

    kind: Kind
    start: int
    end: int
    floor: int
    """The overlap of a passage that begins here begins here at the earliest."""
    table_head: str = ""


class StructuredChunker:
    """A Chunker for all that has, or may have, Markdown in it."""

    def __init__(self) -> None:
        self._recursive = RecursiveChunker()

    def split(self, text: str, before: Sequence[str] = ()) -> list[Span]:
        """Passages in order of their start; see `Chunker`."""
        headings = headings_after(before)
        if HAS_STRUCTURE.search(text):
            pieces = [piece for block in blocks(text) for piece in self._pieces(text, block)]
        else:
            pieces = list(self._pieces(text, Block(Kind.TEXT, 0, len(text))))
        spans: list[Span] = []
        for passage in _passages(text, pieces):
            span = _span(text, passage, headings, spans[-1].start if spans else 0)
            if span is not None:
                spans.append(span)
        return spans

    def _pieces(self, text: str, block: Block) -> Iterator[_Piece]:
        content = text[block.start : block.end]
        if size(content) <= CHUNK_SIZE:
            yield _Piece(block.kind, block.start, block.end, block.start)
        elif block.kind is Kind.TABLE and (head := _TABLE_HEAD.match(content)):
            yield from self._rows(text, block, head[0])
        else:
            yield from self._cut(block, content)

    def _cut(self, block: Block, content: str) -> Iterator[_Piece]:
        start = block.start
        floor = block.start if block.kind is Kind.TEXT else None
        for piece in self._recursive.pieces(content):
            end = start + len(piece)
            yield _Piece(block.kind, start, end, start if floor is None else floor)
            start = end

    def _rows(self, text: str, block: Block, head: str) -> Iterator[_Piece]:
        """As many rows as fit below the head; a row that is longer is cut like text."""
        repeated = head.rstrip() if size(head) <= TABLE_HEAD_SIZE else ""
        limit = CHUNK_SIZE - (size(head) if repeated else 0)
        start = end = block.start
        room = CHUNK_SIZE
        for row in _ROW.finditer(text, block.start, block.end):
            length = size(row[0])
            if length > limit and row.start() >= block.start + len(head):
                if start < end:
                    yield _row_piece(block, start, end, repeated)
                for piece in self._cut(Block(Kind.TABLE, row.start(), row.end()), row[0]):
                    yield _row_piece(block, piece.start, piece.end, repeated)
                start, room = row.end(), limit
            elif length > room and start < end:
                yield _row_piece(block, start, end, repeated)
                start, room = row.start(), limit - length
            else:
                room -= length
            end = row.end()
        if start < end:
            yield _row_piece(block, start, end, repeated)


def _row_piece(block: Block, start: int, end: int, head: str) -> _Piece:
    return _Piece(Kind.TABLE, start, end, start, head if start > block.start else "")


def _passages(text: str, pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """Neighbours as long as they fit; headings go with what follows them."""
    passage: list[_Piece] = []
    length = 0
    for piece in pieces:
        added = size(text[piece.start : piece.end])
        is_full = length + added > CHUNK_SIZE or bool(piece.table_head)
        is_section = piece.kind is Kind.HEADING and length >= SECTION_SIZE
        if passage and (is_full or is_section):
            carried = _headings_at_end(passage) if piece.kind is not Kind.HEADING else []
            kept = passage[: len(passage) - len(carried)]
            if kept:
                yield kept
                passage = carried
                length = sum(size(text[one.start : one.end]) for one in carried)
        passage.append(piece)
        length += added
    if passage:
        yield passage


def _headings_at_end(passage: Sequence[_Piece]) -> list[_Piece]:
    count = 0
    for piece in reversed(passage):
        if piece.kind is not Kind.HEADING:
            break
        count += 1
    return list(passage[len(passage) - count :])


def _span(text: str, passage: Sequence[_Piece], headings: Headings, earliest: int) -> Span | None:
    """The passage, under the headings that all of it stands under; None: it is blank."""
    path = headings.path()
    for piece in passage:
        if piece.kind is Kind.HEADING:
            level = headings.read(text[piece.start : piece.end])
            path = [one for one in path if one[0] < level]
    first = passage[0]
    start, end = first.start, passage[-1].end
    if not text[start:end].strip():
        return None
    if first.floor < start:
        start = overlapping_start(text, start, floor=max(first.floor, earliest))
    begin, end = stripped(text, start, end)
    return Span(begin, end, tuple(title for _, title in path), first.table_head)
