"""DOCX and PPTX, by unstructured."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
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

_BROKEN = (
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
        elements = _partition(path, _read_docx)
        for _, of_page in groupby(elements, key=_page_number):
            yield Section(tuple(blocks(of_page)))


class SlidesParser(WholeFileParser):
    """PPTX: each slide is a page, with its notes, called by its title."""

    media_types = frozenset({PPTX})

    def sections(self, path: Path) -> Iterator[Section]:
        elements = _partition(path, _read_pptx)
        of_slide: dict[int, list[Element]] = {}
        for element in elements:
            of_slide.setdefault(_page_number(element), []).append(element)
        for number in range(1, max(of_slide, default=0) + 1):
            found = of_slide.get(number, [])
            title = next((item.text for item in found if item.category == "Title"), "")
            yield Section(tuple(blocks(found)), label=" ".join(title.split()))


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


def _page_number(element: "Element") -> int:
    return element.metadata.page_number or 1
