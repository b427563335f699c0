"""How many tokens a text is at most, for models whose tokenizer isn't at hand.

Weights are from measuring XLM-R (bge-m3, multilingual-e5), English BERT (MiniLM, bge-en), Qwen3,
Gemma 3 and cl100k; `docs/protocols/inference.md` has the figures. The estimate is above what models
with a short window make of prose, code, numbers and hexadecimal; tokenizers that make more of it
belong to models with windows of thousands.
"""

import re
from typing import Final

SPECIAL_TOKENS: Final = 8
"""Of the beginning, of the end, and of what a server may put before a text."""
_WORD_LETTERS: Final = 4
"""Of the Latin alphabet: so many of a word are a token."""
_BYTES_OF_TOKEN: Final = 3
_WEIGHTS: Final = {
    "hangul": 1.0,
    "cjk": 1.1,
    "letter": 0.6,
    "other": 1.0,
}
"""Tokens for a character: `letter` of scripts that are not named, `other`: digits, signs."""
_PARTS: Final = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<latin>[A-Za-z\u00c0-\u024f]+)"
    r"|(?P<hangul>[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]+)"
    r"|(?P<cjk>[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)"
    r"|(?P<letter>[^\W\d_]+)"
    r"|(?P<other>[\W\d_])"
)


def tokens_at_most(text: str) -> int:
    """What no tokenizer goes beyond: each byte of UTF-8 a token of its own."""
    return len(text.encode("utf-8", "replace")) + SPECIAL_TOKENS


def rough_tokens(text: str) -> int:
    """About as many, for batches: quick, and wrong by half now and then."""
    return len(text.encode("utf-8", "replace")) // _BYTES_OF_TOKEN + 1


def likely_tokens(text: str) -> int:
    """A cautious estimate; a short text may have fewer, hardly any has more."""
    tokens = float(SPECIAL_TOKENS)
    for part in _PARTS.finditer(text):
        kind, length = str(part.lastgroup), part.end() - part.start()
        if kind == "latin":
            tokens += 1 + (length - 1) // _WORD_LETTERS
        elif kind != "space":
            tokens += _WEIGHTS[kind] * length
    return int(tokens) + 1
