"""Scanned pages to text: one stage."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from chatbot.contracts.ocr import VISION
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import PageSource
from chatbot.documents.services import files, ingestion
from ocr_worker import sandbox, vision
from ocr_worker.engines.protocol import RecognisedPage, SeenPage
from ocr_worker.readers import engine_for, reader_name


def recognise_pages(lease: ingestion.Lease) -> None:
    """Text and word boxes of the claim's pages.

    A picture that the same engine has read before in the same brain isn't read again, unless
    somebody has asked for just that.
    """
    claim = lease.claim
    engine = engine_for(claim.engine)
    reader = reader_name(engine)
    read: list[ingestion.ReadPage] = []
    with files.local_file(name=claim.storage_name) as path:
        seen = sandbox.look(path, claim.media_type, claim.page_from, claim.page_to, engine=engine)
        known = ingestion.recognised_before(
            claim, engine=reader, images={page.image_sha256 for page in seen}
        )
        for page in seen:
            lease.check()
            if page.image_sha256 not in known:
                known[page.image_sha256] = _read(path, claim.media_type, page, engine, reader)
            read.append(_placed(known[page.image_sha256], page))
    lease.check()
    ingestion.finish_ocr(claim, pages=read)


PIPELINES: Final = {Stage.OCR: recognise_pages}


def _read(
    path: Path, media_type: str, page: SeenPage, engine: str, reader: str
) -> ingestion.ReadPage:
    if engine == VISION:
        text = vision.transcribe(sandbox.picture(path, media_type, page.number))
        found = RecognisedPage(
            page.number, text, (), None, page.width, page.height, page.image_sha256
        )
    else:
        [found] = sandbox.recognise(path, media_type, page.number, page.number, engine=engine)
    return ingestion.ReadPage(
        number=page.number,
        text=found.text,
        source=PageSource.OCR,
        boxes=found.boxes,
        confidence=found.confidence,
        width=found.width,
        height=found.height,
        engine=reader,
        image_sha256=found.image_sha256,
    )


def _placed(known: ingestion.ReadPage, page: SeenPage) -> ingestion.ReadPage:
    """What was read in the same picture, as this page's: its boxes in this page's units."""
    across = page.width / known.width if known.width else 1.0
    down = page.height / known.height if known.height else 1.0
    boxes = [
        (start, end, x0 * across, y0 * down, x1 * across, y1 * down)
        for start, end, x0, y0, x1, y1 in known.boxes
    ]
    return replace(known, number=page.number, boxes=boxes, width=page.width, height=page.height)
