"""Numbers that Hancom's word processor writes before headings and items by itself.

Files hold only how they look, so they are counted here: `^1.` stands for the number of the first
level and a dot, `제^1장` for a chapter, `^1.^2` for a section of it.
"""

import re
import struct
from dataclasses import dataclass, field
from typing import Final

from ingest_worker.parsers.hwp_text import counted_text

_HEAD: Final = struct.Struct("<I8x")
_START: Final = struct.Struct("<I")
_LEVELS: Final = 7
_KIND_BIT: Final = 5
_LARGEST: Final = 100_000
_FORMAT_CHARACTERS: Final = 40
_PLACE: Final = re.compile(r"\^([1-9nN])")
_ROMAN: Final = (
    *((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L")),
    *((40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")),
)
_LARGEST_ROMAN: Final = 3999
_NAMES: Final = (
    *("DIGIT", "CIRCLED_DIGIT", "ROMAN_CAPITAL", "ROMAN_SMALL", "LATIN_CAPITAL", "LATIN_SMALL"),
    *("CIRCLED_LATIN_CAPITAL", "CIRCLED_LATIN_SMALL", "HANGUL_SYLLABLE"),
    *("CIRCLED_HANGUL_SYLLABLE", "HANGUL_JAMO", "CIRCLED_HANGUL_JAMO", "HANGUL_PHONETIC"),
    *("IDEOGRAPH", "CIRCLED_IDEOGRAPH"),
)
"""In the order of their codes in HWP 5; as HWPX calls them."""


def _row(first: int, count: int) -> str:
    return "".join(chr(first + index) for index in range(count))


_SIGNS: Final = {
    "CIRCLED_DIGIT": _row(0x2460, 20),
    "LATIN_CAPITAL": _row(0x41, 26),
    "LATIN_SMALL": _row(0x61, 26),
    "CIRCLED_LATIN_CAPITAL": _row(0x24B6, 26),
    "CIRCLED_LATIN_SMALL": _row(0x24D0, 26),
    "HANGUL_SYLLABLE": "가나다라마바사아자차카타파하",
    "CIRCLED_HANGUL_SYLLABLE": _row(0x326E, 14),
    "HANGUL_JAMO": "ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ",
    "CIRCLED_HANGUL_JAMO": _row(0x3260, 14),
    "HANGUL_PHONETIC": "일이삼사오육칠팔구십",
    "IDEOGRAPH": "一二三四五六七八九十",
    "CIRCLED_IDEOGRAPH": _row(0x3280, 10),
}


@dataclass(frozen=True, slots=True)
class NumberShape:
    """How the numbers of one level look."""

    text: str
    kind: str = "DIGIT"
    start: int = 1


@dataclass(slots=True)
class Numbers:
    """Counts through a document; `shapes` are those of each level, by their common id."""

    shapes: dict[int, list[NumberShape]]
    _counted: dict[int, dict[int, int]] = field(default_factory=dict)

    def following(self, identity: int, level: int) -> str:
        """The next number of a level from 0; empty where levels aren't described."""
        shapes = self.shapes.get(identity, [])
        if level >= len(shapes) or not shapes[level].text:
            return ""
        counted = self._counted.setdefault(identity, {})
        for deeper in [other for other in counted if other > level]:
            del counted[deeper]
        for index, above in enumerate(shapes[:level]):
            counted.setdefault(index, above.start)
        counted[level] = counted.get(level, shapes[level].start - 1) + 1
        path = [
            _written(counted[index], shape.kind) for index, shape in enumerate(shapes[: level + 1])
        ]
        return _PLACE.sub(lambda match: _place(match[1], path), shapes[level].text)


def number_shapes(data: bytes) -> list[NumberShape]:
    """The levels of a record of HWP 5; those that it doesn't hold are left out."""
    texts: list[tuple[str, str]] = []
    position = 0
    while len(texts) < _LEVELS and position + _HEAD.size < len(data):
        (bits,) = _HEAD.unpack_from(data, position)
        text, position = counted_text(data, position + _HEAD.size)
        code = bits >> _KIND_BIT & 0xF
        texts.append((text, _NAMES[code] if code < len(_NAMES) else _NAMES[0]))
    starts = data[position + 2 :]
    found = []
    for index, (text, kind) in enumerate(texts):
        start = 1
        if _START.size * (index + 1) <= len(starts):
            (start,) = _START.unpack_from(starts, _START.size * index)
        found.append(number_shape(text, kind, start))
    return found


def number_shape(text: str, kind: str, start: int) -> NumberShape:
    """Of what a file says, as far as it can be true."""
    return NumberShape(text[:_FORMAT_CHARACTERS].strip(), kind, min(start, _LARGEST))


def _place(name: str, path: list[str]) -> str:
    if name in "nN":
        return ".".join(path) + ("." if name == "N" else "")
    return path[int(name) - 1] if int(name) <= len(path) else ""


def _written(number: int, kind: str) -> str:
    signs = _SIGNS.get(kind, "")
    if 1 <= number <= len(signs):
        return signs[number - 1]
    if kind.startswith("ROMAN") and 1 <= number <= _LARGEST_ROMAN:
        return _roman(number) if kind == "ROMAN_CAPITAL" else _roman(number).lower()
    return str(number)


def _roman(number: int) -> str:
    written = ""
    for value, letters in _ROMAN:
        written += letters * (number // value)
        number %= value
    return written
