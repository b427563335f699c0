"""How many tokens a text may have, and the part of it that fits.

Nobody counts tokens here: a tokenizer would be the model's own. The estimate is on the high side.
"""

import re
from typing import Final

LETTERS_PER_TOKEN: Final = 3.5
"""Latin letters and spaces."""
TOKENS_PER_SIGN: Final = 0.6
"""Digits and punctuation."""
TOKENS_PER_WIDE: Final = 1.5
"""Hangul, Han, Kana and all else beyond Latin: models that don't know a script spell its bytes."""

_SIGNS = re.compile(r"[^A-Za-z\s\u0080-\U0010ffff]")
_WIDE = re.compile(r"[\u0250-\U0010ffff]")


def weight(text: str) -> float:
    """What a text adds to the tokens of a longer one; weights of parts add up."""
    signs = len(_SIGNS.findall(text))
    wide = 0 if text.isascii() else len(_WIDE.findall(text))
    letters = len(text) - signs - wide
    return letters / LETTERS_PER_TOKEN + signs * TOKENS_PER_SIGN + wide * TOKENS_PER_WIDE


def estimate_tokens(text: str) -> int:
    """How many tokens a text has for a model of whose vocabulary nothing is known."""
    return 1 + int(weight(text))


def beginning(text: str, tokens: int) -> str:
    """The beginning of a text that has at most so many tokens, up to the end of a word."""
    if tokens <= 0:
        return ""
    if estimate_tokens(text) <= tokens:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if estimate_tokens(text[:middle]) <= tokens else (low, middle - 1)
        )
    cut = text[:low]
    words = cut.rsplit(maxsplit=1)
    return words[0] if len(words) > 1 else cut.rstrip()
