"""PDF, page by page: the text layer, and whether a page is a picture that OCR has to read."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pypdfium2 as pdfium
from pypdfium2 import raw

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import PDF
from ingest_worker.parsers.pdf_calls import TextPage
from ingest_worker.parsers.pdf_headings import TextRow, with_headings
from ingest_worker.parsers.pdf_looks import sampled_sizes
from ingest_worker.parsers.pdf_notes import Note, take_notes
from ingest_worker.parsers.pdf_outline import outline_of
from ingest_worker.parsers.pdf_scans import needs_ocr
from ingest_worker.parsers.pdf_text import read_text_layer
from ingest_worker.parsers.pdf_words import View
from ingest_worker.parsers.protocol import PageText, Plan, Source

_PASSWORD_ERRORS: Final = frozenset({raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY})
_LABEL_CHARACTERS: Final = 200
_COMMON_SHARE: Final = 0.25
"""Of the sampled characters: the largest size that as many have is a common one."""


@dataclass(frozen=True, slots=True)
class _Page:
    page: PageText
    rows: tuple[TextRow | None, ...] = ()
    sizes: Counter[float] = field(default_factory=Counter)


class PdfParser:
    media_types = frozenset({PDF})

    def open_file(self, path: Source, media_type: str, *, pages_limit: int) -> Plan:
        with _document(path) as document:
            count = len(document)
            if count > pages_limit:
                raise DocumentFault(
                    f"The file has {count} pages; the limit is {pages_limit}.",
                    code="too-many-pages",
                )
            return Plan(media_type, tuple(_label(document, index) for index in range(count)))

    def read_pages(self, path: Source, media_type: str, first: int, last: int) -> list[PageText]:  # noqa: ARG002 - one type
        with _document(path) as document:
            numbers = range(max(first, 1), min(last, len(document)) + 1)
            if not numbers:
                return []
            samples = _samples(len(document))
            read = {
                number: _read_page(document, number, is_sample=number in samples)
                for number in numbers
            }
            common = _common_size(document, samples, read)
            outline = outline_of(document)
        return [
            _with_headings(page, common, outline.get(number, {})) for number, page in read.items()
        ]


def _samples(count: int) -> set[int]:
    """A few pages, the same whichever are read: levels of headings have to agree between them."""
    return {1 + count // 4, 1 + count // 2, 1 + count * 3 // 4}


def _common_size(document: pdfium.PdfDocument, samples: set[int], read: dict[int, _Page]) -> float:
    """The largest common size of letters in points; of samples among `read` sizes are known."""
    sizes: Counter[float] = Counter()
    for number in sorted(samples):
        if number in read:
            sizes += read[number].sizes
        else:
            with suppress(pdfium.PdfiumError), _page(document, number) as (page, _):
                textpage = TextPage(page)
                sizes += sampled_sizes(textpage, textpage.text())
    least = sizes.total() * _COMMON_SHARE
    return max((size for size, times in sizes.items() if times >= least), default=0.0)


def _with_headings(read: _Page, common_size: float, outline: dict[str, int]) -> PageText:
    page = read.page
    if page.needs_ocr or not read.rows:
        return page
    text, boxes = with_headings(
        page.text,
        page.boxes,
        read.rows,
        height=page.height or 0.0,
        common_size=common_size,
        outline=outline,
    )
    return replace(page, text=text, boxes=boxes)


@contextmanager
def _document(path: Source) -> Iterator[Any]:
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        is_locked = error.err_code in _PASSWORD_ERRORS
        raise DocumentFault(
            "The PDF needs a password." if is_locked else "The PDF can't be opened.",
            code="file-encrypted" if is_locked else "file-broken",
        ) from error
    with document:
        yield document


def _label(document: pdfium.PdfDocument, index: int) -> str:
    try:
        label: str = document.get_page_label(index).strip()
    except UnicodeDecodeError:
        return ""
    return "" if label == str(index + 1) else label[:_LABEL_CHARACTERS]


def _read_page(document: pdfium.PdfDocument, number: int, *, is_sample: bool) -> _Page:
    """A page that is damaged is an empty page: the others can still be read."""
    label = _label(document, number - 1)
    try:
        with _page(document, number) as (page, notes):
            view = View(page)
            layer = read_text_layer(page, view, notes, is_sample=is_sample)
            text = PageText(
                number,
                label,
                layer.text,
                width=round(view.width, 1),
                height=round(view.height, 1),
                boxes=layer.boxes,
                needs_ocr=needs_ocr(page, view, layer),
            )
            return _Page(text, layer.rows, layer.sizes)
    except pdfium.PdfiumError:
        return _Page(PageText(number, label))


@contextmanager
def _page(document: pdfium.PdfDocument, number: int) -> Iterator[tuple[Any, list[Note]]]:
    """A page as it is seen, and the notes on it. The file stays as it is."""
    page = document[number - 1]
    try:
        notes, shows_more = take_notes(page)
        if shows_more:
            # Filled-in fields and stamps become part of the page's own text.
            raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
            page.close()
            page = document[number - 1]
        yield page, notes
    finally:
        page.close()
