"""The stages of this worker: fetch, open, read, index."""

from typing import Final

from django.conf import settings

from chatbot.contracts.tasks import Stage
from chatbot.documents.models import PageSource
from chatbot.documents.services import files, ingestion
from ingest_worker import malware, sandbox
from ingest_worker.fetch import fetch_document
from ingest_worker.index import index_pages
from ingest_worker.parsers.protocol import PageText


def open_document(lease: ingestion.Lease) -> None:
    """How many pages there are, and what they are called; their text too, where that is one."""
    claim = lease.claim
    with files.local_file(name=claim.storage_name) as path:
        malware.scan(path, url=settings.CLAMAV_URL)
        plan = sandbox.open_file(path, claim.media_type, pages_limit=settings.PAGES_LIMIT)
    lease.check()
    ingestion.finish_open(
        claim,
        media_type=plan.media_type,
        labels=plan.labels,
        pages=[_read_page(page) for page in plan.pages],
    )


def read_pages(lease: ingestion.Lease) -> None:
    """Text of the claim's pages; those without get OCR."""
    claim = lease.claim
    with files.local_file(name=claim.storage_name) as path:
        pages = sandbox.read_pages(path, claim.media_type, claim.page_from, claim.page_to)
    lease.check()
    ingestion.finish_read(claim, pages=[_read_page(page) for page in pages])


PIPELINES: Final = {
    Stage.FETCH: fetch_document,
    Stage.OPEN: open_document,
    Stage.READ: read_pages,
    Stage.INDEX: index_pages,
}


def _read_page(page: PageText) -> ingestion.ReadPage:
    return ingestion.ReadPage(
        number=page.number,
        text=page.text,
        source=PageSource(page.source),
        label=page.label,
        boxes=page.boxes,
        width=page.width,
        height=page.height,
        needs_ocr=page.needs_ocr,
    )
