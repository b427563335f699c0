"""Text cut into pieces of about a paragraph or two, where it pauses by itself.

The splitter cuts without overlap, so that its pieces laid end to end are the text again and their
places are known exactly; overlap is added to them afterwards.
"""

import re
from typing import Final

from langchain_text_splitters import RecursiveCharacterTextSplitter

CHUNK_SIZE: Final = 900
"""In Latin characters: 150 to 250 tokens of prose. `fitting` cuts what a model reads less of."""
OVERLAP_SIZE: Final = 120
_WIDE_CHARACTER: Final = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3130-\u9fff\uac00-\ud7a3]")

_SEPARATORS: Final = [
    r"\n(?=#{1,6} )",  # before a heading
    r"\n(?:[ \t]*\n)+",  # between paragraphs
    r"(?<=\|)\n(?=\|)",  # between rows of a table
    r"(?<=[.!?])[\"')\]\u2019\u201d]*\s+",  # after a sentence, Korean ones too: 다. 요.
    r"(?<=[\u3002\uff01\uff1f])|(?<=[다요죠까음함임됨][.!?])(?=[\uac00-\ud7a3])",  # without a space
    r"\n",
    r"[,;:]\s+",
    r"\s+",
    "",
]
_SENTENCE_BEGINS: Final = re.compile(r"(?<=[.!?])\s+(?=\S)|\n\s*(?=\S)|(?<=[\u3002\uff01\uff1f])")
_WORD_BEGINS: Final = re.compile(r"\s+(?=\S)")


class RecursiveChunker:
    """langchain's recursive splitter."""

    def __init__(self) -> None:
        self._splitter = RecursiveCharacterTextSplitter(
            separators=_SEPARATORS,
            is_separator_regex=True,
            keep_separator="end",
            strip_whitespace=False,
            chunk_size=CHUNK_SIZE,
            chunk_overlap=0,
            length_function=size,
        )

    def pieces(self, text: str) -> list[str]:
        """Pieces of `CHUNK_SIZE` at most, which joined are the text again."""
        return self._splitter.split_text(text)


def size(text: str) -> int:
    """A Korean or Chinese character says as much as two Latin ones, and costs as many tokens."""
    return len(text) + len(_WIDE_CHARACTER.findall(text))


def overlapping_start(text: str, start: int, *, floor: int) -> int:
    """Where the overlap before `start` begins: at a sentence, else at a word, else nowhere.

    Never before `floor`.
    """
    earliest = max(start - OVERLAP_SIZE, floor)
    while start > earliest > floor and size(text[earliest:start]) > OVERLAP_SIZE:
        earliest += OVERLAP_SIZE // 4
    if earliest == floor and size(text[earliest:start]) <= OVERLAP_SIZE:
        return floor
    for boundary in (_SENTENCE_BEGINS, _WORD_BEGINS):
        found = boundary.search(text, earliest, start)
        if found and found.end() < start:
            return found.end()
    return start


def stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """The same without white space around."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))
