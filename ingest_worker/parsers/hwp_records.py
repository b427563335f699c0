"""Records of HWP 5: a flat list with levels, read as trees of those that bear text."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from chatbot.contracts.errors import DocumentFault

_HEADER: Final = struct.Struct("<I")
_LONG_SIZE: Final = 0xFFF
"""Says that the size follows in four more bytes."""
_DEEPEST: Final = 100
"""Each table, frame or note takes two or three levels."""
_RECORDS: Final = 1_000_000


class Tag(IntEnum):
    NUMBERING = 0x17
    PARAGRAPH_SHAPE = 0x19
    PARAGRAPH = 0x42
    TEXT = 0x43
    CONTROL = 0x47
    LIST = 0x48
    SHAPE = 0x4C
    TABLE = 0x4D
    EQUATION = 0x58
    TEXT_ART = 0x5A
    FORM = 0x5B


_KEPT: Final = frozenset(Tag)


@dataclass(slots=True)
class Record:
    tag: int
    data: bytes
    children: "list[Record]" = field(default_factory=list)


def flat_records(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Tag, level and content of each.

    Raises:
        DocumentFault: a record is longer than what is left.
    """
    position = 0
    while position + _HEADER.size <= len(data):
        (header,) = _HEADER.unpack_from(data, position)
        position += _HEADER.size
        size = header >> 20
        if size == _LONG_SIZE and position + _HEADER.size <= len(data):
            (size,) = _HEADER.unpack_from(data, position)
            position += _HEADER.size
        if position + size > len(data):
            raise DocumentFault("A record of the document is cut off.", code="file-broken")
        yield header & 0x3FF, header >> 10 & 0x3FF, data[position : position + size]
        position += size


def record_trees(data: bytes) -> list[Record]:
    """Records of the kinds in `Tag`; each belongs to the nearest before it of a lower level.

    Raises:
        DocumentFault: they are damaged, too many, or stand too deep in each other.
    """
    root = Record(0, b"")
    path = [(-1, root)]
    count = 0
    for tag, level, content in flat_records(data):
        if tag not in _KEPT:
            continue
        count += 1
        if count > _RECORDS:
            raise DocumentFault("The document has too many records.", code="too-much-output")
        if level > _DEEPEST:
            raise DocumentFault("The document is nested too deeply.", code="file-broken")
        while path[-1][0] >= level:
            path.pop()
        record = Record(tag, content)
        path[-1][1].children.append(record)
        path.append((level, record))
    return root.children
