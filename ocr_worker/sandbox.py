"""Pages drawn and read in child processes with limits: the functions that the pipeline calls."""

import base64
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings

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


IsWanted = Callable[[SeenPage], bool]
"""Whether a page, drawn by now, is to be read; asked while the child waits."""


def recognise(
    path: Path,
    media_type: str,
    first: int,
    last: int,
    *,
    engine: str = TESSERACT,
    is_wanted: IsWanted | None = None,
) -> list[RecognisedPage]:
    """The text of the pages `first` to `last`, both included, from 1.

    Args:
        path: the file.
        media_type: of the file.
        first: number of a page.
        last: the number of the same or a later one.
        engine: the name of one that is set up.
        is_wanted: a page that isn't is left out.

    Raises:
        DocumentFault: with a code of `DOCUMENT_FAULTS`.
        Unavailable: the engine (`ocr-engine-missing`) or its data (`ocr-data-missing`) are missing,
            or the child was killed from outside (`reader-died`); nothing is wrong with the
            document.
    """
    arguments = {"media_type": media_type, "first": first, "last": last}
    if engine == RAPIDOCR:
        arguments["model"] = settings.RAPIDOCR_MODEL
    pages = last - first + 1
    asked = is_wanted and _asked(is_wanted)
    found = _engine(engine).call(
        "recognise", arguments, _limits(pages=pages), file=path, asked=asked, questions=pages
    )
    with as_expected():
        return [_page(page) for page in found]


def picture(path: Path, media_type: str, number: int, *, is_wanted: IsWanted) -> bytes | None:
    """A page as JPEG; None: it isn't wanted, or the file doesn't have it.

    Raises: as `recognise`.
    """
    arguments = {"media_type": media_type, "number": number}
    limits, asked = _limits(pages=1), _asked(is_wanted)
    found = _engine(VISION).call("picture", arguments, limits, file=path, asked=asked)
    with as_expected():
        return None if found is None else base64.b64decode(found, validate=True)


def _asked(is_wanted: IsWanted) -> Callable[[dict[str, Any]], bool]:
    def asked(fields: dict[str, Any]) -> bool:
        with as_expected():
            page = SeenPage(**fields)
        return is_wanted(page)

    return asked


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
