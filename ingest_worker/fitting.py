"""No passage is longer than what the embedding model reads: what is, is cut in two.

The estimate is asked first, which costs nothing; the model's server counts what is near its limit,
where it can. Headings and the head of a table count with their passage.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from chatbot.retrieval.services import PageChunk
from ingest_worker.chunkers.recursive import stripped
from ingest_worker.chunkers.tokens import likely_tokens, tokens_at_most

Count = Callable[[Sequence[str]], list[int] | None]

_ROUNDS: Final = 16
"""Of halving: more than any passage needs."""
_PAUSES: Final = (
    re.compile(r"\n[ \t]*\n\s*"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])"),
    re.compile(r"\s+"),
)
"""Where a text is cut, best first: paragraphs, lines, sentences, words."""


def fitted(chunks: Sequence[PageChunk], *, max_tokens: int, count: Count) -> list[PageChunk]:
    """The passages, in order, with those that are too long for the model cut.

    `count` gives the tokens of texts, or None where nobody can count them.
    """
    fits: set[str] = set()
    for _ in range(_ROUNDS):
        too_long = _too_long(chunks, fits, max_tokens, count)
        if not too_long:
            break
        chunks = [
            part
            for chunk in chunks
            for part in (halved(chunk) if chunk.embedded in too_long else (chunk,))
        ]
    return list(chunks)


def halved(chunk: PageChunk) -> list[PageChunk]:
    """The passage as two, at a pause near its middle; as one, where it can't be cut.

    Where most of it is headings, or the head of a table, they are left out first.
    """
    around = len(chunk.embedded) - len(chunk.text)
    if around > len(chunk.text):
        if chunk.table_head:
            return [replace(chunk, table_head="")]
        return [replace(chunk, headings=chunk.headings[1:])]
    return list(_halves(chunk)) or [chunk]


def _too_long(
    chunks: Sequence[PageChunk], fits: set[str], max_tokens: int, count: Count
) -> set[str]:
    """Texts, as they are embedded, that are above the limit; adds the others to `fits`."""
    texts = list(dict.fromkeys(chunk.embedded for chunk in chunks))
    doubtful = [
        text
        for text in texts
        if text not in fits
        and tokens_at_most(text) > max_tokens
        and likely_tokens(text) > max_tokens
    ]
    counts = count(doubtful) if doubtful else None
    if counts is None:
        return set(doubtful)
    too_long = {text for text, tokens in zip(doubtful, counts, strict=True) if tokens > max_tokens}
    fits.update(set(texts) - too_long)
    return too_long


def _halves(chunk: PageChunk) -> Iterator[PageChunk]:
    cut = _cut(chunk.text)
    for start, end in ((0, cut), (cut, len(chunk.text))):
        begin, end = stripped(chunk.text, start, end)  # noqa: PLW2901 - without white space
        if begin < end:
            yield replace(
                chunk,
                start=chunk.start + begin,
                end=chunk.start + end,
                text=chunk.text[begin:end],
            )


def _cut(text: str) -> int:
    """The end of the best pause in the middle half that is nearest to the middle."""
    middle, quarter = len(text) // 2, len(text) // 4
    for pause in _PAUSES:
        ends = [found.end() for found in pause.finditer(text, quarter, len(text) - quarter)]
        if ends:
            return min(ends, key=lambda end: abs(end - middle))
    return middle
