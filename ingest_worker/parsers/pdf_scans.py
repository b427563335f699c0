"""Whether a PDF page is a picture that OCR has to read."""

import re
import unicodedata
from typing import Final

import pypdfium2 as pdfium

from ingest_worker.parsers.pdf_drawings import drawings
from ingest_worker.parsers.pdf_text import TextLayer
from ingest_worker.parsers.pdf_words import View

_UNREADABLE_SHARE: Final = 0.3
"""Of the characters: more, and the text layer is garbage."""
_FEW_CHARACTERS: Final = 20
"""Fewer are a page number or a stamp, if anything else is drawn on the page."""
_SOME_CHARACTERS: Final = 200
"""Fewer are a header and footer, if the page is one picture."""
_PICTURE_SHARE: Final = 0.02
_WHOLE_PAGE_SHARE: Final = 0.6
_DRAWN_TEXT_PATHS: Final = 30
"""As many shapes may be letters that were turned into outlines."""
_OCR_SHARE: Final = 0.5
"""Of the characters: more that aren't painted, and the text layer is what OCR has read before."""
_LANGUAGE_SHARE: Final = 0.5
"""Of such characters: less in words, and that OCR has read nothing but spots."""
_LANGUAGE: Final = re.compile(
    r"[^\W\d_]{3,}|\d{2,}|[\u1100-\u11ff\u3040-\u30ff\u3130-\u9fff\uac00-\ud7a3]+"
)
"""What is hardly ever read from spots: three letters in a row, numbers, Korean and Chinese."""
_MIXED_SHARE: Final = 0.2
"""Of the letters: more in words of several scripts, and the font says wrong ones."""
_EAST_ASIAN: Final = frozenset({"CJK", "HANGUL", "HIRAGANA", "KATAKANA", "BOPOMOFO"})
_ANYWHERE: Final = frozenset(
    {"LATIN", "MICRO", "FULLWIDTH", "HALFWIDTH", "MODIFIER", "MATHEMATICAL", "FEMININE"}
    | {"MASCULINE", "DOUBLE", "BLACK", "SCRIPT", "ANGSTROM", "KELVIN", "OHM"}
)
"""Begin the names of letters that stand in words of other scripts, too."""


def needs_ocr(page: pdfium.PdfPage, view: View, layer: TextLayer) -> bool:
    """Whether the text layer is missing, broken, or not all that can be read on the page."""
    if layer.unreadable > layer.characters * _UNREADABLE_SHARE or is_mixture(layer.text):
        return True
    if layer.unpainted > layer.characters * _OCR_SHARE:
        return not _is_language(layer)
    if layer.characters >= _SOME_CHARACTERS:
        return False
    pictures, paths = _drawn(page, view)
    if layer.characters >= _FEW_CHARACTERS:
        return pictures > _WHOLE_PAGE_SHARE
    return pictures > _PICTURE_SHARE or paths >= _DRAWN_TEXT_PATHS


def is_mixture(text: str) -> bool:
    """Whether many words mix scripts that nobody mixes, as Arabic and Cyrillic."""
    letters = {letter for letter in text if letter.isalpha() and not letter.isascii()}
    script_of = {letter: script for letter in letters if (script := _script(letter))}
    if len(set(script_of.values())) <= 1:
        return False
    mixed = total = 0
    for word in text.split():
        scripts = [script_of[letter] for letter in word if letter in script_of]
        total += sum(map(str.isalpha, word))
        mixed += len(scripts) if len(set(scripts)) > 1 else 0
    return mixed > total * _MIXED_SHARE


def _script(letter: str) -> str:
    """The first word of its name; empty where that says nothing."""
    name = unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]
    if name in _ANYWHERE:
        return ""
    return "CJK" if name in _EAST_ASIAN else name


def _is_language(layer: TextLayer) -> bool:
    found = sum(len(match.group()) for match in _LANGUAGE.finditer(layer.text))
    return found > layer.characters * _LANGUAGE_SHARE


def _drawn(page: pdfium.PdfPage, view: View) -> tuple[float, int]:
    """The share of the page that pictures cover, and the number of shapes."""
    found = drawings(page, view)
    covered = sum(drawing.area for drawing in found if drawing.is_picture)
    shapes = sum(not drawing.is_picture for drawing in found)
    return covered / max(view.width * view.height, 1.0), shapes
