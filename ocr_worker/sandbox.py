"""OCR, run in a child process with limits: the function that the pipeline calls."""

from functools import cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from chatbot.sandbox.client import Sandbox, as_expected
from chatbot.sandbox.limits import MEGABYTE, Limits
from ocr_worker.engines.protocol import RecognisedPage

_CPU_SECONDS_PER_PAGE: Final = 60
_WALL_SECONDS_PER_PAGE: Final = 180.0
"""Other work may want the same cores."""


@cache
def _engine() -> Sandbox:
    environment = {
        # One page gets one core: with more threads Tesseract takes three times as long.
        "OMP_THREAD_LIMIT": "1",
        "TESSDATA_PREFIX": settings.TESSDATA,
    }
    readable = [Path(settings.TESSDATA)] if settings.TESSDATA else []
    return Sandbox("ocr_worker.engines.child", environment=environment, readable=readable)


def start() -> None:
    """Loads the engine ahead of the first page."""
    _engine().start()


def recognise(path: Path, media_type: str, first: int, last: int) -> list[RecognisedPage]:
    """The text of the pages `first` to `last`, both included, from 1.

    Raises:
        DocumentFault: with a code of `DOCUMENT_FAULTS`.
        Unavailable: trained data are missing (`ocr-data-missing`), or the child was killed from
            outside (`reader-died`); nothing is wrong with the document.
    """
    arguments = {"media_type": media_type, "first": first, "last": last}
    limits = _limits(pages=last - first + 1)
    found = _engine().call("recognise", arguments, limits, file=path)
    with as_expected():
        return [_page(page) for page in found]


def _limits(*, pages: int) -> Limits:
    return Limits(
        memory_bytes=2048 * MEGABYTE,
        cpu_seconds=_CPU_SECONDS_PER_PAGE * pages,
        wall_seconds=_WALL_SECONDS_PER_PAGE * pages,
        output_bytes=16 * MEGABYTE,
    )


def _page(fields: dict[str, Any]) -> RecognisedPage:
    return RecognisedPage(**{**fields, "boxes": tuple(map(tuple, fields["boxes"]))})
