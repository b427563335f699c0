"""Pages drawn and read in child processes with limits: the functions that the pipeline calls."""

import base64
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from chatbot.contracts.errors import DOCUMENT_FAULTS, DocumentFault
from chatbot.contracts.ocr import RAPIDOCR, TESSERACT, VISION
from chatbot.sandbox.client import Sandbox, as_expected
from chatbot.sandbox.limits import MEGABYTE, Limits
from ocr_worker.engines.protocol import RecognisedPage, SeenPage

_CHILDREN: Final = {
    TESSERACT: "ocr_worker.engines.child",
    RAPIDOCR: "ocr_worker.engines.rapid_child",
    VISION: "ocr_worker.engines.drawing_child",
}
_CPU_SECONDS_PER_PAGE: Final = 60
_WALL_SECONDS_PER_PAGE: Final = 180.0
"""Other work may want the same cores."""


@cache
def _engine(engine: str) -> Sandbox:
    environment = {
        # One page gets one core: with more threads Tesseract takes three times as long.
        "OMP_THREAD_LIMIT": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TESSDATA_PREFIX": settings.TESSDATA,
    }
    named = {TESSERACT: settings.TESSDATA, RAPIDOCR: settings.RAPIDOCR_MODEL}.get(engine, "")
    readable = [Path(named)] if named else []
    return Sandbox(_CHILDREN[engine], environment=environment, readable=readable)


def start() -> list[str]:
    """Loads the usual engine ahead of the first page. Returns which walls it lacks here."""
    return _engine(settings.OCR_ENGINES[0]).start()


def look(path: Path, media_type: str, first: int, last: int, *, engine: str) -> list[SeenPage]:
    """How large the pages are and what identifies their pictures, without reading them.

    Raises: as `recognise`.
    """
    arguments = {"media_type": media_type, "first": first, "last": last}
    found = _engine(engine).call("look", arguments, _limits(pages=last - first + 1), file=path)
    with as_expected():
        return [SeenPage(**fields) for fields in found]


def recognise(
    path: Path, media_type: str, first: int, last: int, *, engine: str = TESSERACT
) -> list[RecognisedPage]:
    """The text of the pages `first` to `last`, both included, from 1.

    Raises:
        DocumentFault: with a code of `DOCUMENT_FAULTS`.
        Unavailable: the engine (`ocr-engine-missing`) or its data (`ocr-data-missing`) are missing,
            or the child was killed from outside (`reader-died`); nothing is wrong with the
            document.
    """
    arguments = {"media_type": media_type, "first": first, "last": last}
    if engine == RAPIDOCR:
        arguments["model"] = settings.RAPIDOCR_MODEL
    limits = _limits(pages=last - first + 1)
    found = _engine(engine).call("recognise", arguments, limits, file=path)
    with as_expected():
        return [_page(page) for page in found]


def picture(path: Path, media_type: str, number: int) -> bytes:
    """A page as JPEG.

    Raises: as `recognise`.
    """
    arguments = {"media_type": media_type, "number": number}
    found = _engine(VISION).call("picture", arguments, _limits(pages=1), file=path)
    if found is None:
        # It was there when it was looked at.
        raise DocumentFault(DOCUMENT_FAULTS["file-broken"], code="file-broken")
    with as_expected():
        return base64.b64decode(found, validate=True)


def blank_picture() -> bytes:
    """A small white JPEG."""
    with as_expected():
        return base64.b64decode(_engine(VISION).call("blank_picture", {}, _limits(pages=1)))


def _limits(*, pages: int) -> Limits:
    return Limits(
        memory_bytes=2048 * MEGABYTE,
        cpu_seconds=_CPU_SECONDS_PER_PAGE * pages,
        wall_seconds=_WALL_SECONDS_PER_PAGE * pages,
        output_bytes=16 * MEGABYTE,
    )


def _page(fields: dict[str, Any]) -> RecognisedPage:
    return RecognisedPage(**{**fields, "boxes": tuple(map(tuple, fields["boxes"]))})
