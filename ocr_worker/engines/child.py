"""What the sandbox's server imports: an engine as a function that takes and gives JSON."""

import contextlib
import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from PIL import Image

from chatbot.contracts.errors import Unavailable
from ocr_worker.engines.pages import PageImage, page_images
from ocr_worker.engines.protocol import Box, RecognisedPage
from ocr_worker.engines.registry import LANGUAGES, default_engine
from ocr_worker.engines.tesseract import TesseractEngine

_ENGINE: Final = default_engine()
_DECIMALS: Final = 1

# Pillow imports its formats with the first picture: better here, once, than in each child.
Image.init()
if isinstance(_ENGINE, TesseractEngine):
    # Every child inherits what is loaded before it is forked. If the data are missing, the first
    # call says so.
    with contextlib.suppress(Unavailable):
        _ENGINE.load(LANGUAGES)
        _ENGINE.load_orientation()


def recognise(*, path: str, media_type: str, first: int, last: int) -> list[dict[str, Any]]:
    """A list of `RecognisedPage` as dictionaries."""
    return [
        {**asdict(found), "boxes": found.boxes}
        for found in map(_recognise, page_images(Path(path), media_type, first, last))
    ]


def _recognise(page: PageImage) -> RecognisedPage:
    found = _ENGINE.recognise(page.image, languages=LANGUAGES, dpi=page.dpi)
    return RecognisedPage(
        number=page.number,
        text=found.text,
        boxes=tuple(_in_units(box, page) for box in found.boxes),
        confidence=found.confidence,
        width=page.width,
        height=page.height,
        image_sha256=_sha256(page.image),
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


FUNCTIONS = {"recognise": recognise}
