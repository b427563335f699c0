"""What a child does with a page: draws it, asks whether it is new, and has an engine read it."""

import base64
import hashlib
import io
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any, Final

from pi_heif import register_heif_opener
from PIL import Image

from chatbot.sandbox.answers import fields_of
from ocr_worker.engines.pages import PageImage, page_images
from ocr_worker.engines.protocol import LANGUAGES, Box, Engine, RecognisedPage, SeenPage

_DECIMALS: Final = 1
_SENT_PIXELS_LIMIT: Final = 4_000_000
"""A page of A4 at 200 dpi. Servers reduce what is larger, or refuse it."""
_JPEG_QUALITY: Final = 90
_BLANK_PIXELS: Final = (64, 64)
_WHITE: Final = 255

# Pillow imports its formats with the first picture: better here, once, than in each child.
Image.init()
# Only what is looked at is decoded, in one thread. libheif's own limits of sizes and numbers hold.
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


Ask = Callable[[dict[str, Any]], bool]
"""Whether a page is to be read: a `SeenPage` as a dictionary."""


def read(
    engine: Engine, *, path: str, media_type: str, first: int, last: int, ask: Ask | None = None
) -> list[dict[str, Any]]:
    """A list of `RecognisedPage` as dictionaries, of those that are to be read."""
    found = []
    for page in page_images(Path(path), media_type, first, last):
        seen = _seen(page)
        if _is_to_be_read(seen, ask):
            found.append(fields_of(_recognised(engine, page, seen)))
    return found


def picture(*, path: str, media_type: str, number: int, ask: Ask) -> str | None:
    """A page as JPEG in base64, of no more pixels than servers take.

    None: there is no such page, or it is not to be read.

    Raises:
        DocumentFault: as `page_images`.
    """
    for page in page_images(Path(path), media_type, number, number):
        if not _is_to_be_read(_seen(page), ask):
            return None
        factor = sqrt(_SENT_PIXELS_LIMIT / (page.image.width * page.image.height))
        if factor < 1:
            size = (int(page.image.width * factor), int(page.image.height * factor))
            return _jpeg(page.image.resize(size))
        return _jpeg(page.image)
    return None


def blank_picture() -> str:
    """A small white JPEG in base64."""
    return _jpeg(Image.new("L", _BLANK_PIXELS, _WHITE))


def _jpeg(image: Image.Image) -> str:
    written = io.BytesIO()
    image.save(written, "JPEG", quality=_JPEG_QUALITY)
    return base64.b64encode(written.getvalue()).decode()


def _seen(page: PageImage) -> SeenPage:
    return SeenPage(page.number, page.width, page.height, _sha256(page.image))


def _is_to_be_read(page: SeenPage, ask: Ask | None) -> bool:
    return ask is None or ask(fields_of(page))


def _recognised(engine: Engine, page: PageImage, seen: SeenPage) -> RecognisedPage:
    found = engine.recognise(page.image, languages=LANGUAGES, dpi=page.dpi)
    return RecognisedPage(
        number=page.number,
        text=found.text,
        boxes=tuple(_in_units(box, page) for box in found.boxes),
        confidence=found.confidence,
        width=page.width,
        height=page.height,
        image_sha256=seen.image_sha256,
    )


def _sha256(image: Image.Image) -> str:
    digest = hashlib.sha256(b"%d x %d " % image.size)
    digest.update(image.tobytes())
    return digest.hexdigest()


def _in_units(box: Box, page: PageImage) -> Box:
    start, end, *pixels = box
    limits = (page.width, page.height) * 2
    x0, y0, x1, y1 = (
        round(min(max(value * page.units_per_pixel, 0.0), limit), _DECIMALS)
        for value, limit in zip(pixels, limits, strict=True)
    )
    return start, end, x0, y0, x1, y1
