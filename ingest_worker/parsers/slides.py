"""PPTX, by unstructured: each slide is a page, with its notes, called by its title."""

from collections.abc import Iterator
from io import BytesIO
from itertools import product
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import pptx
from lxml import etree
from pptx.exc import PackageNotFoundError

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import PPTX
from ingest_worker.parsers.charts import chart_rows, diagram_lines
from ingest_worker.parsers.elements import NO_LANGUAGE_DETECTION, blocks, by_page
from ingest_worker.parsers.grids import REPEATED_CHARACTERS
from ingest_worker.parsers.packages import plain_package
from ingest_worker.parsers.parts import Block, Section
from ingest_worker.parsers.tables import table
from ingest_worker.parsers.trees import DAMAGED, attribute, local, xml_tree
from ingest_worker.parsers.whole import WholeFileParser

# isort: split
# Partitioners come after `elements`, which prepares unstructured for them.
from unstructured.partition.pptx import partition_pptx

if TYPE_CHECKING:
    from pptx.presentation import Presentation

_BROKEN: Final = (
    *DAMAGED,
    KeyError,
    ValueError,
    AttributeError,
    TypeError,
    IndexError,
    PackageNotFoundError,
    etree.LxmlError,
)
_OFF: Final = frozenset({"0", "false"})
_ON: Final = frozenset({"1", "true"})


class SlidesParser(WholeFileParser):
    """Hidden slides and shapes are left out."""

    media_types = frozenset({PPTX})

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        package = plain_package(file)
        try:
            presentation = pptx.Presentation(package)
            _drop_hidden(presentation)
            _repeat_merged(presentation)
            drawn = [list(_drawn(slide)) for slide in presentation.slides]
            prepared = BytesIO()
            presentation.save(prepared)
            elements = partition_pptx(
                file=prepared, include_slide_notes=True, languages=NO_LANGUAGE_DETECTION
            )
        except _BROKEN as error:
            raise DocumentFault("The presentation can't be opened.", code="file-broken") from error
        pages = by_page(elements)
        pages += [[] for _ in range(len(drawn) - len(pages))]
        for page, extra in zip(pages, drawn, strict=False):
            title = next((item.text for item in page if item.category == "Title"), "")
            yield Section((*blocks(page), *extra), label=" ".join(title.split()))


def _drop_hidden(presentation: "Presentation") -> None:
    slides = list(zip(presentation.slides, presentation.slides._sldIdLst, strict=True))  # noqa: SLF001 - there is no other way to drop a slide
    for slide, entry in slides:
        if slide.element.get("show") in _OFF:
            presentation.part.drop_rel(entry.rId)
            entry.getparent().remove(entry)
            continue
        for element in list(slide.element.iter()):
            if local(element) == "cNvPr" and attribute(element, "hidden") in _ON:
                _drop_shape(element)


def _repeat_merged(presentation: "Presentation") -> None:
    """Short cells say what they say in each place that they cover."""
    for slide in presentation.slides:
        tables = (shape.table for shape in slide.shapes if shape.has_table)
        for cells in tables:
            for row, column in product(range(len(cells.rows)), range(len(cells.columns))):
                cell = cells.cell(row, column)
                if cell.is_merge_origin and len(cell.text) <= REPEATED_CHARACTERS:
                    for down, right in product(range(cell.span_height), range(cell.span_width)):
                        if down or right:
                            cells.cell(row + down, column + right).text = cell.text


def _drop_shape(properties: etree._Element) -> None:
    shape = properties.getparent()
    shape = None if shape is None else shape.getparent()
    group = None if shape is None else shape.getparent()
    if shape is not None and group is not None:
        group.remove(shape)


def _drawn(slide: Any) -> Iterator[Block]:  # noqa: ANN401 - the library's types are incomplete
    """Texts of charts, diagrams and comments."""
    parts = {
        key: relation.target_part
        for key, relation in slide.part.rels.items()
        if not relation.is_external
    }
    for element in slide.element.iter():
        name = local(element)
        if name == "chart" and (part := parts.get(attribute(element, "id"))) is not None:
            title, rows = chart_rows(xml_tree(part.blob))
            yield Block(title)
            yield table(rows)
        elif name == "relIds" and (part := parts.get(attribute(element, "dm"))) is not None:
            yield Block("\n".join(f"- {line}" for line in diagram_lines(xml_tree(part.blob))))
    for relation in slide.part.rels.values():
        if not relation.is_external and relation.reltype.endswith("/comments"):
            texts = "".join(_comments(relation.target_part.blob))
            yield Block(texts)


def _comments(data: bytes) -> Iterator[str]:
    for comment in xml_tree(data):
        text = " ".join("".join(str(piece) for piece in comment.itertext()).split())
        if text:
            yield f"[Comment] {text}\n"
