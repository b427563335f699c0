"""The outline of a PDF file: titles that readers show beside the pages."""

from itertools import islice
from typing import Final

import pypdfium2 as pdfium

from ingest_worker.parsers.pdf_headings import DEEPEST, key

_TITLES: Final = 1000
"""More take longer than the pages."""
_SHORTEST: Final = 2


def outline_of(document: pdfium.PdfDocument) -> dict[int, dict[str, int]]:
    """Level by the `key` of each title, by the number of the page from 1; damaged ones are left."""
    found: dict[int, dict[str, int]] = {}
    for bookmark in islice(document.get_toc(max_depth=DEEPEST), _TITLES):
        target = bookmark.get_dest()
        number = target.get_index() if target else None
        title = key(_title(bookmark))
        if number is not None and len(title) >= _SHORTEST:
            found.setdefault(number + 1, {}).setdefault(title, bookmark.level + 1)
    return found


def _title(bookmark: pdfium.PdfBookmark) -> str:
    """Empty where it is damaged: half a surrogate pair can't be decoded."""
    try:
        return str(bookmark.get_title())
    except UnicodeDecodeError:
        return ""
