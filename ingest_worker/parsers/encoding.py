"""Bytes of text files to characters: Unicode by its marks and rules, then Korean, then a guess."""

import codecs
import re
import unicodedata
from typing import Final

from charset_normalizer import from_bytes

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ISO_2022_KR: Final = b"\x1b$)C"
_NUL_SHARE: Final = 0.4
"""Of every other byte: more is UTF-16 of Latin letters without a mark."""
_GUESSED_BYTES: Final = 256 * 1024
_DOUBLE_BYTES: Final = re.compile(rb"[\x80-\xff][\x41-\xff]")
_HANGUL: Final = re.compile(rb"[\xb0-\xc8][\xa1-\xfe]")
_HANGUL_SHARE: Final = 0.6
"""Of the characters outside ASCII: from here on the text is Korean and not, say, French."""
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufeff\ud800-\udfff]")
_LINE_ENDS: Final = re.compile(r"\r\n?|\x0c|\x85|\u2028|\u2029")


def decode(data: bytes, *, declared: str = "") -> str:
    """Text of unknown encoding; bytes that fit nowhere become replacement characters.

    Args:
        data: the whole file.
        declared: an encoding that the file itself names; tried where it doesn't say Unicode.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if encoding := _unmarked_utf16(data):
        return data.decode(encoding, errors="replace")
    candidates = ["iso2022_kr"] if data.startswith(_ISO_2022_KR) else []
    candidates += ["utf-8", declared, "cp949" if _looks_korean(data) else ""]
    for encoding in filter(None, candidates):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    guess = from_bytes(data[:_GUESSED_BYTES]).best()
    return data.decode(guess.encoding if guess else "cp1252", errors="replace")


def clean(text: str) -> str:
    """Composed characters, line feeds for line ends, and nothing that a database refuses."""
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", unicodedata.normalize("NFC", text)))


def _unmarked_utf16(data: bytes) -> str:
    pairs = len(data) // 2
    if pairs and data[1::2].count(0) > pairs * _NUL_SHARE:
        return "utf-16-le"
    if pairs and data[0::2].count(0) > pairs * _NUL_SHARE:
        return "utf-16-be"
    return ""


def _looks_korean(data: bytes) -> bool:
    sample = data[:_GUESSED_BYTES]
    double = len(_DOUBLE_BYTES.findall(sample))
    return double > 0 and len(_HANGUL.findall(sample)) >= double * _HANGUL_SHARE
