"""Images: each frame is a page, and OCR reads them all."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from PIL import Image, UnidentifiedImageError

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import GIF, IMAGES, WEBP
from ingest_worker.parsers.protocol import PageText, Plan, Source

_PIXELS: Final = 200_000_000
"""Above this a picture is no page. The OCR worker reads smaller ones at a reduced size."""
_ANIMATED: Final = frozenset({GIF, WEBP})


class ImageParser:
    media_types = IMAGES

    def open_file(self, path: Source, media_type: str, *, pages_limit: int) -> Plan:
        with _image(path) as image:
            # Frames of a film show the same text again and again: the first one is read.
            count = 1 if media_type in _ANIMATED else getattr(image, "n_frames", 1)
        if count > pages_limit:
            raise DocumentFault(
                f"The file has {count} pages; the limit is {pages_limit}.", code="too-many-pages"
            )
        return Plan(media_type, ("",) * count)

    def read_pages(self, path: Source, media_type: str, first: int, last: int) -> list[PageText]:
        pages = []
        with _image(path) as image:
            count = 1 if media_type in _ANIMATED else getattr(image, "n_frames", 1)
            for number in range(max(first, 1), min(last, count) + 1):
                image.seek(number - 1)
                width, height = _size(image)
                pages.append(PageText(number, width=width, height=height, needs_ocr=True))
        return pages


_DAMAGED: Final = (
    *(UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, TypeError),
    RuntimeError,
)
"""What Pillow raises on damaged files; TypeError where a tag of a TIFF is of another type,
RuntimeError where libheif finds something wrong."""


@contextmanager
def _image(path: Source) -> Iterator[Image.Image]:
    Image.MAX_IMAGE_PIXELS = None  # the size is checked here, with a code of its own
    try:
        with Image.open(path) as image:
            _size(image)
            yield image
    except _DAMAGED as error:
        raise DocumentFault("The image can't be opened.", code="file-broken") from error


def _size(image: Image.Image) -> tuple[float, float]:
    width, height = image.size
    if width * height > _PIXELS:
        raise DocumentFault(f"The image has {width} x {height} pixels.", code="page-too-large")
    # Cameras store how the picture has to be turned.
    if image.getexif().get(_ORIENTATION, 1) in _TURNED:
        width, height = height, width
    return float(width), float(height)


_ORIENTATION: Final = 0x0112
_TURNED: Final = frozenset({5, 6, 7, 8})
