"""What a chunker takes and gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Span:
    """A passage: `text[start:end]` of the text that was split, and what it can't be read without.

    `headings` and `table_head` are embedded and searched with it, and lie outside of it.
    """

    start: int
    end: int
    headings: tuple[str, ...] = ()
    """The titles that all of it stands under, from the outermost in."""
    table_head: str = ""
    """The first lines of the table whose rows it begins with, where they are in another passage."""


class Chunker(Protocol):
    def split(self, text: str, before: Sequence[str] = ()) -> list[Span]:
        """Passages in order of their start, never blank; neighbours may overlap.

        `before`: lines of earlier pages that are headings or fences of code, in order.
        """
        ...
