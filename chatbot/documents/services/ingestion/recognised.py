"""What OCR has read already: a picture that comes again needs no second reading."""

from collections.abc import Collection

from chatbot.documents.models import Page, PageSource
from chatbot.documents.services.ingestion.claims import Claim
from chatbot.documents.services.ingestion.pages import ReadPage


def recognised_before(claim: Claim, *, engine: str, images: Collection[str]) -> dict[str, ReadPage]:
    """Pages on which the engine has read one of the pictures, by the hash of the picture.

    Only within the claim's brain: nobody finds out what others have by its being read faster. Where
    a file is read anew, only what that reading has done itself counts.
    """
    pages = Page.objects.filter(
        version__document__brain=claim.brain_id,
        engine=engine,
        image_sha256__in=images,
        source=PageSource.OCR,
        read_at__isnull=False,
    )
    if claim.is_reread:
        pages = pages.filter(version=claim.version_id)
    latest = pages.order_by("image_sha256", "-pk").distinct("image_sha256")
    return {page.image_sha256: _as_read(page) for page in latest}


def _as_read(page: Page) -> ReadPage:
    return ReadPage(
        number=page.number,
        text=page.text,
        source=PageSource.OCR,
        boxes=[tuple(box) for box in page.boxes],
        confidence=page.confidence,
        width=page.width,
        height=page.height,
        engine=page.engine,
        image_sha256=page.image_sha256,
    )
