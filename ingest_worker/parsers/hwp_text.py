"""Text records of HWP 5: characters, and control characters that stand for something else."""

import re
import struct
from collections.abc import Iterator
from typing import Final

_UNIT_BYTES: Final = 2
_FIRST_PRINTED: Final = 32
_LONG_UNITS: Final = 8
"""What most controls take up, themselves included."""
_SHORT: Final = {0: "", 10: "\n", 13: "", 24: "-", **dict.fromkeys(range(25, 30), ""), 30: " "}
_SHORT_SPACE: Final = 31
_TAB: Final = 9
_EXTENDED: Final = frozenset({1, 2, 3, 11, 12, 14, 15, 16, 17, 18, 21, 22, 23})
"""Each is described by a record of its own, in the same order."""
_LENGTH: Final = struct.Struct("<H")
_FORM_TEXT: Final = re.compile(r"(?:Caption|Text):wstring:(\d{1,5}):")


def pieces(data: bytes) -> Iterator[str | None]:
    """Text in order; None stands where the next control of the paragraph belongs."""
    count = len(data) // _UNIT_BYTES
    units = memoryview(data)[: count * _UNIT_BYTES].cast("H")
    start = 0
    for index in [index for index, unit in enumerate(units) if unit < _FIRST_PRINTED]:
        if index < start:
            continue
        if index > start:
            yield _characters(data, start, index)
        code = units[index]
        if code in _SHORT or code == _SHORT_SPACE:
            yield _SHORT.get(code, " ")
            start = index + 1
            continue
        if code == _TAB:
            yield "\t"
        elif code in _EXTENDED:
            yield None
        start = index + _LONG_UNITS
    if start < count:
        yield _characters(data, start, count)


def counted_text(data: bytes, position: int) -> tuple[str, int]:
    """Text behind its length in characters, and where it ends; empty if there is none."""
    if position + _LENGTH.size > len(data):
        return "", len(data)
    (length,) = _LENGTH.unpack_from(data, position)
    start = position + _LENGTH.size
    end = min(len(data), start + length * _UNIT_BYTES)
    return _decoded(data[start:end]), end


def form_text(data: bytes) -> str:
    """What is written on a button or in a field of a form."""
    properties = _decoded(data)
    found = [
        properties[match.end() : match.end() + int(match[1])]
        for match in _FORM_TEXT.finditer(properties)
    ]
    return " ".join(filter(None, found))


def _characters(data: bytes, start: int, end: int) -> str:
    return _decoded(data[start * _UNIT_BYTES : end * _UNIT_BYTES])


def _decoded(data: bytes) -> str:
    return data.decode("utf-16-le", errors="replace")
