"""The words that lexical search finds: English stems, pairs of Korean and Chinese characters.

Made in the same way of chunks and of questions. Light enough for the chat service.
"""

import re
import threading
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import Stemmer

LEXEME_CHARACTERS: Final = 40
"""Longer words are cut: they are codes, addresses or noise."""

_CJK: Final = (
    r"\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff"
    r"\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0002fa1f"
)
_TOKEN: Final = re.compile(rf"(?P<cjk>[{_CJK}]+)|(?P<number>\d+(?:[.,]\d+)+)|[^\W_{_CJK}]+")
_BROKEN_LINE: Final = re.compile(r"(?<=[\uac00-\ud7a3])\n(?=[\uac00-\ud7a3])")
"""Korean lines break in the middle of words, and nothing tells where."""

_COMMON_WORDS: Final = """
    a about also an and any are as at be been but by can could d did do does doing for from had has
    have having he her his how i if in into is it its itself just ll me more most my no nor not of
    on one or our out own re s same she should so some such t than that the their them then there
    these they this those to too up us ve very was we were what when where which while who whom why
    will with would you your
"""
_STOP_WORDS: Final = frozenset(_COMMON_WORDS.split())


def lexemes(text: str) -> list[str]:
    """The lexemes of a text, in order and as often as they occur."""
    return list(_lexemes(_BROKEN_LINE.sub("", unicodedata.normalize("NFKC", text).casefold())))


def _lexemes(text: str) -> Iterator[str]:
    for token in _TOKEN.finditer(text):
        found = token[0]
        if token["cjk"]:
            yield from map("".join, pairwise(found)) if len(found) > 1 else found
        elif token["number"]:
            yield found.replace(",", "")[:LEXEME_CHARACTERS]
        elif found not in _STOP_WORDS:
            yield _stem(_without_accents(found)[:LEXEME_CHARACTERS])


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    parts = unicodedata.normalize("NFKD", word)
    return "".join(part for part in parts if not unicodedata.combining(part)) or word


class _Stemmer(threading.local):
    """A stemmer works on one word at a time, and each thread needs its own."""

    def __init__(self) -> None:
        # Remembering stems costs more than making them again.
        self._stemmer = Stemmer.Stemmer("english", 0)

    def __call__(self, word: str) -> str:
        stem: str = self._stemmer.stemWord(word)
        return stem


_stem: Final = _Stemmer()
