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
    claim = lease.claim
    engine = engine_for(claim.engine)
    known: dict[str, ingestion.ReadPage] = {}
    read: list[ingestion.ReadPage] = []
    with files.local_file(name=claim.storage_name) as path:
        for number in range(claim.page_from, claim.page_to + 1):
            lease.check()
            seen = _read_if_new(path, number, claim, engine, known)
            read += [_placed(known[page.image_sha256], page) for page in seen]
    lease.check()
    ingestion.finish_ocr(claim, pages=read)


PIPELINES: Final = {Stage.OCR: recognise_pages}


def _read_if_new(
    path: Path,
    number: int,
    claim: ingestion.Claim,
    engine: str,
    known: dict[str, ingestion.ReadPage],
) -> list[SeenPage]:
    """The page, drawn, whose text is in `known` then, by its picture; empty: there is none.

    It is drawn once: whether it is new is asked by the child that would read it.
    """
    seen: list[SeenPage] = []
    reader = reader_name(engine)

    def is_new(page: SeenPage) -> bool:
        seen.append(page)
        image = page.image_sha256
        if image not in known:
            known.update(ingestion.recognised_before(claim, engine=reader, images={image}))
        return image not in known

    found = _read(path, claim.media_type, number, engine, is_new)
    if found is not None:
        with as_expected():
            [page] = seen
        known[page.image_sha256] = ingestion.ReadPage(
            number=number,
            text=found.text,
            source=PageSource.OCR,
            boxes=found.boxes,
            confidence=found.confidence,
            width=page.width,
            height=page.height,
            engine=reader,
            image_sha256=page.image_sha256,
        )
    return seen


def _read(
    path: Path, media_type: str, number: int, engine: str, is_wanted: sandbox.IsWanted
) -> RecognisedText | None:
    """None: there is no such page, or it isn't wanted."""
    if engine == VISION:
        picture = sandbox.picture(path, media_type, number, is_wanted=is_wanted)
        return None if picture is None else RecognisedText(vision.transcribe(picture), (), None)
    for page in sandbox.recognise(
        path, media_type, number, number, engine=engine, is_wanted=is_wanted
    ):
        return RecognisedText(page.text, page.boxes, page.confidence)
    return None


def _placed(known: ingestion.ReadPage, page: SeenPage) -> ingestion.ReadPage:
    """What was read in the same picture, as this page's: its boxes in this page's units."""
    across = page.width / known.width if known.width else 1.0
    down = page.height / known.height if known.height else 1.0
    boxes = [
        (start, end, x0 * across, y0 * down, x1 * across, y1 * down)
        for start, end, x0, y0, x1, y1 in known.boxes
    ]
    return replace(known, number=page.number, boxes=boxes, width=page.width, height=page.height)
