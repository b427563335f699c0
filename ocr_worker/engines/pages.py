"""Pages of PDFs and images as pictures for an engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any, Final

import pypdfium2 as pdfium
from PIL import Image, ImageOps, UnidentifiedImageError

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import IMAGES, PDF

DPI: Final = 200
"""At which PDF pages are drawn; letters of 10 points are then as high as engines like them."""
_POINTS_PER_INCH: Final = 72
_PIXELS_LIMIT: Final = 40_000_000
_LOWEST_DPI: Final = 50
"""Below this nothing can be read: the page is larger than any paper."""
_OPENED_PIXELS_LIMIT: Final = 200_000_000
_WHITE: Final = 255


@dataclass(frozen=True, slots=True)
class PageImage:
    number: int
    image: Image.Image
    """Grey."""
    dpi: int
    width: float
    """Of the page, in points, or in pixels of the file's image."""
    height: float

    @property
    def units_per_pixel(self) -> float:
        return self.width / self.image.width


def page_images(path: Path, media_type: str, first: int, last: int) -> Iterator[PageImage]:
    """The pages `first` to `last`, both included, that the file has.

    Raises:
        DocumentFault: the file can't be opened, or a page is too large to be drawn.
    """
    if media_type == PDF:
        return _pdf_pages(path, first, last)
    if media_type in IMAGES:
        return _frames(path, first, last)
    raise DocumentFault(f"{media_type} has no pages to look at.", code="type-unsupported")


def _pdf_pages(path: Path, first: int, last: int) -> Iterator[PageImage]:
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        raise DocumentFault("The PDF can't be opened.", code="file-broken") from error
    with document:
        document.init_forms()
        for number in range(max(first, 1), min(last, len(document)) + 1):
            yield _drawn(document, number)


def _drawn(document: Any, number: int) -> PageImage:  # noqa: ANN401 - pypdfium2 has no types
    page = document[number - 1]
    width, height = page.get_size()
    largest = sqrt(_PIXELS_LIMIT / max(width * height, 1.0)) * _POINTS_PER_INCH
    dpi = int(min(DPI, largest))
    if dpi < _LOWEST_DPI:
        raise DocumentFault(f"Page {number} is {width:.0f} x {height:.0f} points.", code=_TOO_LARGE)
    image = page.render(scale=dpi / _POINTS_PER_INCH, grayscale=True).to_pil()
    return PageImage(number, image.convert("L"), dpi, round(width, 1), round(height, 1))


def _frames(path: Path, first: int, last: int) -> Iterator[PageImage]:
    with _opened(path) as file:
        for number in range(max(first, 1), min(last, getattr(file, "n_frames", 1)) + 1):
            file.seek(number - 1)
            if file.width * file.height > _OPENED_PIXELS_LIMIT:
                raise DocumentFault(f"Image {number} has too many pixels.", code=_TOO_LARGE)
            image = _grey(ImageOps.exif_transpose(file))
            width, height = image.size
            factor = sqrt(_PIXELS_LIMIT / (width * height))
            if factor < 1:
                image = image.resize((int(width * factor), int(height * factor)))
            yield PageImage(number, image, DPI, float(width), float(height))


_DAMAGED: Final = (
    *(UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, TypeError),
    RuntimeError,
)
"""What Pillow raises on damaged files; TypeError where a tag of a TIFF is of another type,
RuntimeError where libheif finds something wrong."""


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    Image.MAX_IMAGE_PIXELS = None  # the size is checked above, with a code of its own
    try:
        with Image.open(path) as image:
            yield image
    except _DAMAGED as error:
        raise DocumentFault("The image can't be opened.", code="file-broken") from error


def _grey(image: Image.Image) -> Image.Image:
    """What is transparent becomes white."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (_WHITE, _WHITE, _WHITE, _WHITE))
        image = Image.alpha_composite(white, image)
    return image.convert("L")


_TOO_LARGE: Final = "page-too-large"
