"""What files and documents are called, where people see it."""

import unicodedata
from typing import Final

from chatbot.outbound.urls import Url

NAME_CHARACTERS: Final = 255
_ENDING_CHARACTERS: Final = 20
_ZERO_WIDTH_JOINERS: Final = "\u200c\u200d"
"""Invisible, but parts of words in some scripts and of emoji."""


def display_name(name: str) -> str:
    """A client's name for a file or document, as people may see it.

    Composed characters, one line, no folder, nothing that is invisible or turns the writing around
    (which makes `exe.pdf` of `fdp.exe`); the end is kept where it is too long.
    """
    composed = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    visible = "".join(char if _is_visible(char) else " " for char in composed)
    words = " ".join(visible.split())
    if len(words) <= NAME_CHARACTERS:
        return words
    stem, dot, ending = words.rpartition(".")
    kept = f"{dot}{ending}" if dot and len(ending) < _ENDING_CHARACTERS else ""
    return (stem if kept else words)[: NAME_CHARACTERS - len(kept)] + kept


def title_of_url(url: Url) -> str:
    """What a document is called until its server has said more."""
    return display_name(url.file_name) or url.host


def _is_visible(char: str) -> bool:
    return char in _ZERO_WIDTH_JOINERS or unicodedata.category(char) not in {"Cc", "Cf", "Cs"}
