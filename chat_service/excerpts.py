"""The part of a passage that says most about a question, where the whole has no room."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from chat_service.token_estimate import beginning, estimate_tokens, weight
from chatbot.retrieval.lexemes import lexemes

WORDS_BEFORE: Final = 6
"""So many stand before a hit where its sentence is too long to be taken from its beginning."""
_WORD = re.compile(r"\S+\s*")
_SENTENCE_END = re.compile(
    # With the full-width signs of East Asia, and quotes and brackets behind them.
    r"""[.!?\u3002\uff01\uff1f]["')\]\u201d\u2019]*\s+$|\n\s*$"""
)


@dataclass(frozen=True, slots=True)
class _Window:
    """Words from `first` up to `last`, which isn't in it."""

    first: int
    last: int
    found: int
    """Different words of the question."""


def excerpt(text: str, *, asked: frozenset[str], tokens: int) -> tuple[int, int]:
    """Where the best part begins and ends, in characters; an empty part: there is no room.

    It has most of the question's lexemes, begins with a sentence where it can, and has at most so
    many tokens.
    """
    if estimate_tokens(text) <= tokens:
        return 0, len(text)
    words = list(_WORD.finditer(text))
    best = _best(words, asked, room=tokens - 1)
    start = words[best.first].start() if words else 0
    end = words[best.last - 1].end() if best.last > best.first else start
    part = text[start:end].rstrip() or beginning(text[start:], tokens)
    return start, start + len(part)


def _best(words: Sequence[re.Match[str]], asked: frozenset[str], *, room: int) -> _Window:
    hits = [asked.intersection(lexemes(word[0])) for word in words]
    weights = [0.0, *accumulate(weight(word[0]) for word in words)]
    # Of equals the later begins nearer to what was asked about; the answer follows it.
    best = max(
        reversed(_windows(_sentence_starts(words), weights, hits, room)), key=lambda one: one.found
    )
    near = [max(0, place - WORDS_BEFORE) for place, hit in enumerate(hits) if hit]
    for window in _windows(near, weights, hits, room):
        if window.found > best.found:
            best = window
    return best if best.found else _windows([0], weights, hits, room)[0]


def _windows(
    starts: Sequence[int], weights: Sequence[float], hits: Sequence[frozenset[str]], room: int
) -> list[_Window]:
    """As many words from each start as there is room for, up to the first that reaches the end."""
    windows: list[_Window] = []
    last = 0
    for first in starts:
        while last < len(hits) and weights[last + 1] - weights[first] <= room:
            last += 1
        windows.append(_Window(first, last, len(set().union(*hits[first:last]))))
        if last == len(hits):
            break
    return windows


def _sentence_starts(words: Sequence[re.Match[str]]) -> list[int]:
    return [
        0,
        *(place for place, word in enumerate(words[:-1], 1) if _SENTENCE_END.search(word[0])),
    ]
