"""What a parser takes and gives.

Pipelines don't call parsers: they call `ingest_worker.sandbox.open_file` and `read_pages`, which
run the parser of the media type in a child process with limits:

    open_file(path, media_type, *, pages_limit) -> Plan
    read_pages(path, media_type, first, last) -> list[PageText]

Both raise `chatbot.contracts.errors.DocumentFault` with a code of `DOCUMENT_FAULTS` when it is the
document's fault, and `chatbot.contracts.errors.Unavailable` when it is not.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal, Protocol

Source = Path | BytesIO
"""A stored file, or one that stood in another: the sandbox can't write it anywhere."""

Box = tuple[int, int, float, float, float, float]
"""`(start, end, x0, y0, x1, y1)`: characters of the page's text and where they stand, in points
from the upper left corner of the page (pixels, where the file is an image)."""


@dataclass(frozen=True, slots=True)
class PageText:
    """A page, slide, sheet or part, with the text that could be read without OCR.

    Where `needs_ocr` is true, `text` holds what the text layer has, if anything: OCR replaces it.
    """

    number: int
    """From 1."""
    label: str = ""
    """What people call it where that isn't its number: `iv`, a sheet's name, a heading."""
    text: str = ""
    source: Literal["text-layer", "ocr"] = "text-layer"
    width: float | None = None
    """Points, or pixels of an image; None where a format knows no pages."""
    height: float | None = None
    boxes: tuple[Box, ...] = ()
    needs_ocr: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """How many pages there are, and what they are called.

    `pages` is filled where a format can only be counted by reading all of it (everything but PDF
    and images): then it holds every page, and `read_pages` need not be called.
    """

    media_type: str
    """As found in the content; it may differ from what the caller believed."""
    labels: tuple[str, ...]
    """One for each page, empty where it has no name."""
    pages: tuple[PageText, ...] = ()

    @property
    def page_count(self) -> int:
        return len(self.labels)


class Parser(Protocol):
    """Reads one family of formats. Runs in the sandbox's child; knows nothing of Django."""

    @property
    def media_types(self) -> AbstractSet[str]:
        """What it can read."""
        ...

    def open_file(self, path: Source, media_type: str, *, pages_limit: int) -> Plan:
        """Counts and names the pages.

        Raises:
            DocumentFault: the file can't be read, or has more pages than `pages_limit`.
        """
        ...

    def read_pages(self, path: Source, media_type: str, first: int, last: int) -> list[PageText]:
        """The pages `first` to `last`, both included, that the document has.

        Raises:
            DocumentFault: the file can't be read.
        """
        ...
