"""Scanned pages to text: one stage."""

from typing import Final

from chatbot.contracts.ocr import TESSERACT
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import PageSource
from chatbot.documents.services import files, ingestion
from ocr_worker import sandbox
from ocr_worker.engines.protocol import RecognisedPage


def recognise_pages(lease: ingestion.Lease) -> None:
    """Text and word boxes of the claim's pages."""
    claim = lease.claim
    with files.local_file(name=claim.storage_name) as path:
        pages = sandbox.recognise(path, claim.media_type, claim.page_from, claim.page_to)
    lease.check()
    ingestion.finish_ocr(claim, pages=[_read_page(page) for page in pages])


PIPELINES: Final = {Stage.OCR: recognise_pages}


def _read_page(page: RecognisedPage) -> ingestion.ReadPage:
    return ingestion.ReadPage(
        number=page.number,
        text=page.text,
        source=PageSource.OCR,
        boxes=page.boxes,
        confidence=page.confidence,
        width=page.width,
        height=page.height,
        engine=TESSERACT,
        image_sha256=page.image_sha256,
    )
