"""What unstructured's partitioners find, as blocks of text."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from ingest_worker.parsers.parts import Block
from ingest_worker.parsers.sentences import replace_tokenizer
from ingest_worker.parsers.tables import html_table

replace_tokenizer()

if TYPE_CHECKING:
    from unstructured.documents.elements import Element

NO_LANGUAGE_DETECTION: Final = [""]
"""As `languages=`: guessing them takes longer than all the rest."""
_NUMBERED: Final = re.compile(r"\(?\w{1,4}[.)]\s")
_DEEPEST_HEADING: Final = 5
_LEFT_OUT: Final = frozenset({"PageBreak", "Image"})
_PAGES: Final = 10_000
_REMARKS: Final = ("[^", "[Comment] ")
"""Begin notes and comments, which aren't headings however short they are."""
_ONCE: Final = frozenset({"Header", "Footer"})


def blocks(elements: Iterable["Element"]) -> Iterator[Block]:
    """One block for each element that has text; headers and footers only once."""
    seen: set[str] = set()
    for element in elements:
        text = element.text.strip()
        if element.category in _LEFT_OUT or not text:
            continue
        if element.category in _ONCE:
            if text in seen:
                continue
            seen.add(text)
        yield _block(element, text)


def by_page(elements: list["Element"]) -> list[list["Element"]]:
    """One list for each page, empty ones too; what names no page belongs to the one before it."""
    pages: list[list[Element]] = []
    for element in elements:
        number = min(element.metadata.page_number or len(pages) or 1, _PAGES)
        pages += [[] for _ in range(number - len(pages))]
        pages[number - 1].append(element)
    return pages


def _block(element: "Element", text: str) -> Block:
    if element.category == "Title" and not text.startswith(_REMARKS):
        depth = min(element.metadata.category_depth or 0, _DEEPEST_HEADING)
        return Block("#" * (depth + 1) + " " + " ".join(text.split()), is_heading=True)
    if element.category == "ListItem":
        indent = "  " * min(element.metadata.category_depth or 0, _DEEPEST_HEADING)
        mark = "" if _NUMBERED.match(text) else "- "
        return Block(f"{indent}{mark}{text}", is_close=True)
    if element.category == "Table" and element.metadata.text_as_html:
        found = html_table(element.metadata.text_as_html)
        return found if found.text else Block(text)
    return Block(text)
