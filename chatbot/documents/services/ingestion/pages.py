"""Pages as they are read, and as they are stored."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from django.db import connection
from django.db.models import JSONField, Value
from django.db.models.functions import Cast
from django.utils import timezone

from chatbot.documents.models import DocumentVersion, Page, PageSource
from chatbot.documents.services.ingestion.claims import Claim

PAGES_AT_ONCE: Final = 200
"""Rows in one statement."""
HEADING_PAGES: Final = 1_000
"""A chapter that began more pages ago is not known any more."""
HEADING_LINES: Final = 2_000
_HEADING_OR_FENCE: Final = re.compile(r"^(?:#{1,6} [^\n]{1,250}|`{3,20}|~{3,20})", re.MULTILINE)
_HEADINGS_BEFORE: Final = """
    SELECT found.line
    FROM documents_page AS page,
        string_to_table(page.heading_lines, E'\\n') WITH ORDINALITY AS found (line, place)
    WHERE page.version_id = %s AND page.number >= %s AND page.number < %s
        AND page.heading_lines <> ''
    ORDER BY page.number DESC, found.place DESC
    LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page as a parser or an OCR engine read it; offsets of `boxes` count into `text`."""

    number: int
    text: str
    source: PageSource
    label: str = ""
    boxes: Sequence[tuple[int, int, float, float, float, float]] = ()
    confidence: float | None = None
    width: float | None = None
    height: float | None = None
    needs_ocr: bool = False
    engine: str = ""
    """The OCR engine that has read it; empty: none did."""
    image_sha256: str = ""
    """Of the image that the engine was given, hexadecimal."""


def store_pages(version: DocumentVersion, read: Sequence[ReadPage]) -> None:
    """Pages that are read, or that wait for OCR; what was stored of them is replaced."""
    now = timezone.now()
    texts = [storable(page.text) for page in read]
    Page.objects.bulk_create(
        [
            Page(
                version=version,
                number=page.number,
                label=page.label[:200],
                text=text,
                heading_lines="\n".join(heading_lines(text)),
                source=PageSource.OCR if page.needs_ocr else page.source,
                confidence=page.confidence,
                width=page.width,
                height=page.height,
                # Ten times as fast as the field's own encoder.
                boxes=Cast(Value(orjson.dumps(page.boxes).decode()), JSONField()),
                engine=page.engine,
                image_sha256=page.image_sha256,
                read_at=None if page.needs_ocr else now,
            )
            for page, text in zip(read, texts, strict=True)
        ],
        batch_size=PAGES_AT_ONCE,
        update_conflicts=True,
        unique_fields=["version", "number"],
        update_fields=[
            "text",
            "heading_lines",
            "source",
            "confidence",
            "width",
            "height",
            "boxes",
            "engine",
            "image_sha256",
            "read_at",
        ],
    )


def storable(text: str) -> str:
    """Blank as nothing; what PostgreSQL can't hold replaced, so that offsets stay."""
    if not text.strip():
        return ""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def blank(number: int, source: PageSource = PageSource.TEXT_LAYER) -> ReadPage:
    """A page on which nothing was found."""
    return ReadPage(number=number, text="", source=source)


def unindexed_pages(claim: Claim) -> list[Page]:
    """The pages of the claim's range that can't be found yet, without their boxes."""
    pages = Page.objects.filter(
        version=claim.version_id, number__in=range(claim.page_from, claim.page_to + 1)
    )
    return list(pages.filter(indexed_at__isnull=True).defer("boxes").order_by("number"))


def heading_lines(text: str) -> list[str]:
    """The lines of a page that begin a heading or a fence of code, in order."""
    return _HEADING_OR_FENCE.findall(text)


def headings_before(claim: Claim, number: int) -> list[str]:
    """The `heading_lines` of the pages before this one, in order.

    Only of the last `HEADING_PAGES` pages, and of those that are read.
    """
    earliest = max(number - HEADING_PAGES, 1)
    with connection.cursor() as cursor:
        cursor.execute(_HEADINGS_BEFORE, [claim.version_id, earliest, number, HEADING_LINES])
        return [line for (line,) in reversed(cursor.fetchall())]
