"""What a chunker takes and gives."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Span:
    """A passage: `text[start:end]` of the text that was split."""

    start: int
    end: int


class Chunker(Protocol):
    def split(self, text: str) -> list[Span]:
        """Passages in order of their start, never blank; neighbours may overlap."""
        ...
