"""What an OCR engine takes and gives.

The pipeline doesn't call engines: it calls `ocr_worker.sandbox`, which draws pages and runs the
engine in a child process with limits:

    recognise(path, media_type, first, last, engine, is_wanted) -> list[RecognisedPage]

They raise `chatbot.contracts.errors.DocumentFault` with a code of `DOCUMENT_FAULTS` when it is the
document's fault, and `chatbot.contracts.errors.Unavailable` when it is not: an engine that is not
installed (`ocr-engine-missing`), trained data that are missing (`ocr-data-missing`), a child that
somebody killed (`reader-died`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image

LANGUAGES: Final = ("kor", "eng")
"""What engines are asked for."""

Box = tuple[int, int, float, float, float, float]
"""`(start, end, x0, y0, x1, y1)`: characters of the page's text and where they stand, in points
from the upper left corner of the page (pixels, where the file is an image)."""


@dataclass(frozen=True, slots=True)
class SeenPage:
    """A page that was drawn, and not read yet."""

    number: int
    """From 1."""
    width: float
    """Points, or pixels of an image."""
    height: float
    image_sha256: str
    """Of the grey image that would be read, with its size: hexadecimal."""


@dataclass(frozen=True, slots=True)
class RecognisedPage:
    number: int
    """From 1."""
    text: str
    boxes: tuple[Box, ...]
    """One for each word."""
    confidence: float | None
    """Mean over the words, 0 to 1; None where there are none."""
    width: float
    """Points, or pixels of an image."""
    height: float
    image_sha256: str
    """Of the grey image that was read, with its size: hexadecimal."""


@dataclass(frozen=True, slots=True)
class RecognisedText:
    """What an engine read in one image; boxes are in pixels of that image."""

    text: str
    boxes: tuple[Box, ...]
    confidence: float | None


class Engine(Protocol):
    """Reads images. Runs in the sandbox's child; knows nothing of Django, files and pages."""

    def recognise(self, image: "Image", *, languages: Sequence[str], dpi: int) -> RecognisedText:
        """The text of an image, in reading order.

        Raises:
            Unavailable: the engine or its data for a language are missing.
        """
        ...
