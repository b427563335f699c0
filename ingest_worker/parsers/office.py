"""DOCX and PPTX, by unstructured."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zipfile import BadZipFile

from docx.opc.exceptions import PackageNotFoundError as NoWordFile
from lxml import etree
from pptx.exc import PackageNotFoundError as NoPowerPointFile

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import DOCX, PPTX
from ingest_worker.parsers.archive import check_archive
from ingest_worker.parsers.elements import NO_LANGUAGE_DETECTION, blocks
from ingest_worker.parsers.parts import Section
from ingest_worker.parsers.whole import WholeFileParser

# isort: split
# Partitioners come after `elements`, which prepares unstructured for them.
from unstructured.partition.docx import partition_docx
from unstructured.partition.pptx import partition_pptx

if TYPE_CHECKING:
    from collections.abc import Callable

    from unstructured.documents.elements import Element

_PAGES: Final = 10_000
_BROKEN: Final = (
    BadZipFile,
    KeyError,
    ValueError,
    AttributeError,
    NoWordFile,
    NoPowerPointFile,
    etree.LxmlError,
)


class WordParser(WholeFileParser):
    """DOCX: pages as the word processor last broke them, where the file remembers."""

    media_types = frozenset({DOCX})

    def sections(self, path: Path) -> Iterator[Section]:
        yield from map(Section, map(tuple, map(blocks, _by_page(_partition(path, _read_docx)))))


class SlidesParser(WholeFileParser):
    """PPTX: each slide is a page, with its notes, called by its title."""

    media_types = frozenset({PPTX})

    def sections(self, path: Path) -> Iterator[Section]:
        for slide in _by_page(_partition(path, _read_pptx)):
            title = next((item.text for item in slide if item.category == "Title"), "")
            yield Section(tuple(blocks(slide)), label=" ".join(title.split()))


def _partition(path: Path, read: "Callable[[str], list[Element]]") -> "list[Element]":
    check_archive(path)
    try:
        return read(str(path))
    except _BROKEN as error:
        raise DocumentFault("The document can't be opened.", code="file-broken") from error


def _read_docx(path: str) -> "list[Element]":
    return partition_docx(path, languages=NO_LANGUAGE_DETECTION)


def _read_pptx(path: str) -> "list[Element]":
    return partition_pptx(path, include_slide_notes=True, languages=NO_LANGUAGE_DETECTION)


def _by_page(elements: "list[Element]") -> "list[list[Element]]":
    """One list for each page, empty ones too; what names no page belongs to the one before it."""
    pages: list[list[Element]] = []
    for element in elements:
        number = min(element.metadata.page_number or len(pages) or 1, _PAGES)
        pages += [[] for _ in range(number - len(pages))]
        pages[number - 1].append(element)
    return pages
