"""Passages of about a paragraph or two, cut where the text itself pauses.

The splitter cuts without overlap, so that its pieces laid end to end are the text again and their
places are known exactly; the overlap is added here.
"""

import re
from typing import Final

from langchain_text_splitters import RecursiveCharacterTextSplitter

from ingest_worker.chunkers.protocol import Span

CHUNK_SIZE: Final = 900
"""In Latin characters, about 220 tokens; embedded models read little more than that at once."""
OVERLAP_SIZE: Final = 120
_WIDE_CHARACTER: Final = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3130-\u9fff\uac00-\ud7a3]")

_SEPARATORS: Final = [
    r"\n(?=#{1,6} )",  # before a heading
    r"\n(?:[ \t]*\n)+",  # between paragraphs
    r"(?<=\|)\n(?=\|)",  # between rows of a table
    r"(?<=[.!?])[\"')\]\u2019\u201d]*\s+",  # after a sentence, Korean ones too: 다. 요.
    r"(?<=[\u3002\uff01\uff1f])",  # after a sentence without a space
    r"\n",
    r"[,;:]\s+",
    r"\s+",
    "",
]
_SENTENCE_BEGINS: Final = re.compile(r"(?<=[.!?])\s+(?=\S)|\n\s*(?=\S)|(?<=[\u3002\uff01\uff1f])")
_WORD_BEGINS: Final = re.compile(r"\s+(?=\S)")


class RecursiveChunker:
    """A Chunker on langchain's recursive splitter."""

    def __init__(self) -> None:
        self._splitter = RecursiveCharacterTextSplitter(
            separators=_SEPARATORS,
            is_separator_regex=True,
            keep_separator="end",
            strip_whitespace=False,
            chunk_size=CHUNK_SIZE,
            chunk_overlap=0,
            length_function=_size,
        )

    def split(self, text: str) -> list[Span]:
        """Passages in order of their start; see `Chunker`."""
        spans = []
        start = 0
        for piece in self._splitter.split_text(text):
            end = start + len(piece)
            if piece.strip():
                begin = _overlapping_start(text, start)
                spans.append(_stripped(text, begin, end))
            start = end
        return spans


def _size(text: str) -> int:
    """A Korean or Chinese character says as much as two Latin ones, and costs as many tokens."""
    return len(text) + len(_WIDE_CHARACTER.findall(text))


def _overlapping_start(text: str, start: int) -> int:
    """Where the overlap before `start` begins: at a sentence, else at a word, else nowhere."""
    earliest = start - OVERLAP_SIZE
    while start > earliest > 0 and _size(text[earliest:start]) > OVERLAP_SIZE:
        earliest += OVERLAP_SIZE // 4
    earliest = max(earliest, 0)
    if not earliest:
        return 0
    for boundary in (_SENTENCE_BEGINS, _WORD_BEGINS):
        found = boundary.search(text, earliest, start)
        if found and found.end() < start:
            return found.end()
    return start


def _stripped(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    return Span(
        start + len(piece) - len(piece.lstrip()),
        end - (len(piece) - len(piece.rstrip())),
    )
