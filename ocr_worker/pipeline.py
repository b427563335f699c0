"""Scanned pages to text: one stage."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from chatbot.contracts.ocr import VISION
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import PageSource
from chatbot.documents.services import files, ingestion
from chatbot.sandbox.client import as_expected
from ocr_worker import sandbox, vision
from ocr_worker.engines.protocol import RecognisedText, SeenPage
from ocr_worker.readers import engine_for, reader_name


def recognise_pages(lease: ingestion.Lease) -> None:
    """Text and word boxes of the claim's pages.

    A picture that the same engine has read before in the same brain isn't read again, unless
    somebody has asked for just that.
    """
    engine = engine_for(lease.claim.engine)
    pages = _Pages(lease, reader=reader_name(engine))
    with files.local_file(name=lease.claim.storage_name) as path:
        if engine == VISION:
            _transcribe(path, pages)
        else:
            _recognise(path, engine, pages)
    lease.check()
    ingestion.finish_ocr(lease.claim, pages=pages.read())


PIPELINES: Final = {Stage.OCR: recognise_pages}


class _Pages:
    """The claim's pages: which there are, and what stands on them.

    A page is drawn once: whether it is new is asked by the child that would read it. All is told by
    that child, who may have been taken over.
    """

    def __init__(self, lease: ingestion.Lease, *, reader: str) -> None:
        self.claim = lease.claim
        self._lease = lease
        self._reader = reader
        self._seen: dict[int, SeenPage] = {}
        self._first_with: dict[str, int] = {}
        """The number of the page whose picture it is, of those that are to be read."""
        self._known: dict[str, ingestion.ReadPage] = {}

    def is_new(self, page: SeenPage) -> bool:
        """Whether it is to be read; the same page may be asked for again."""
        self._lease.check()
        self._seen[page.number] = page
        image = page.image_sha256
        if image not in self._known and image not in self._first_with:
            images = {image}
            self._known |= ingestion.recognised_before(
                self.claim, engine=self._reader, images=images
            )
        if image in self._known:
            return False
        return self._first_with.setdefault(image, page.number) == page.number

    def add(self, number: int, found: RecognisedText) -> None:
        """What stands on a page that was new."""
        with as_expected():
            page = self._seen[number]
        self._known[page.image_sha256] = ingestion.ReadPage(
            number=number,
            text=found.text,
            source=PageSource.OCR,
            boxes=found.boxes,
            confidence=found.confidence,
            width=page.width,
            height=page.height,
            engine=self._reader,
            image_sha256=page.image_sha256,
        )

    def read(self) -> list[ingestion.ReadPage]:
        with as_expected():
            return [_placed(self._known[page.image_sha256], page) for page in self._seen.values()]


def _recognise(path: Path, engine: str, pages: _Pages) -> None:
    claim = pages.claim
    numbers = (claim.page_from, claim.page_to)
    for page in sandbox.recognise(
        path, claim.media_type, *numbers, engine=engine, is_wanted=pages.is_new
    ):
        pages.add(page.number, RecognisedText(page.text, page.boxes, page.confidence))


def _transcribe(path: Path, pages: _Pages) -> None:
    claim = pages.claim
    for number in range(claim.page_from, claim.page_to + 1):
        picture = sandbox.picture(path, claim.media_type, number, is_wanted=pages.is_new)
        if picture is not None:
            pages.add(number, RecognisedText(vision.transcribe(picture), (), None))


def _placed(known: ingestion.ReadPage, page: SeenPage) -> ingestion.ReadPage:
    """What was read in the same picture, as this page's: its boxes in this page's units."""
    across = page.width / known.width if known.width else 1.0
    down = page.height / known.height if known.height else 1.0
    boxes = [
        (start, end, x0 * across, y0 * down, x1 * across, y1 * down)
        for start, end, x0, y0, x1, y1 in known.boxes
    ]
    return replace(known, number=page.number, boxes=boxes, width=page.width, height=page.height)
