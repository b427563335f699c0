"""XML of any kind: the text of its elements, with headings and tables where names tell them."""

from collections.abc import Iterator
from typing import BinaryIO, Final

from lxml import etree

from chatbot.contracts.media_types import XML
from ingest_worker.parsers.grids import Cell, spread
from ingest_worker.parsers.markup import decode_markup
from ingest_worker.parsers.parts import Block, Section
from ingest_worker.parsers.tables import table
from ingest_worker.parsers.trees import attribute, local, without_declaration, xml_tree
from ingest_worker.parsers.whole import WholeFileParser

_HEADINGS: Final = frozenset({"title", "article-title", "heading", "head"})
_ROW: Final = frozenset({"tr", "row"})
_CELL: Final = frozenset({"td", "th", "entry", "cell"})
_DEEPEST: Final = 200
_LONGEST_HEADING: Final = 200


class XmlParser(WholeFileParser):
    media_types = frozenset({XML})

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        text = without_declaration(decode_markup(file.read()))
        yield Section(tuple(_blocks(xml_tree(text.encode()), 0)))


def _blocks(element: etree._Element, depth: int) -> Iterator[Block]:
    """A block for each element that holds words of its own, whatever stands among them."""
    name = local(element).lower()
    if not name:
        return
    if name == "table":
        yield table(spread(_rows(element)))
        return
    own = (element.text or "") + "".join(child.tail or "" for child in element)
    if not own.strip() and depth < _DEEPEST:
        for child in element:
            yield from _blocks(child, depth + 1)
        return
    text = " ".join("".join(map(str, element.itertext())).split())
    if name in _HEADINGS and 0 < len(text) <= _LONGEST_HEADING:
        yield Block(f"## {text}", is_heading=True)
    else:
        yield Block(text)


def _rows(element: etree._Element) -> Iterator[list[Cell]]:
    for row in element.iter():
        if local(row).lower() in _ROW:
            yield [_cell(cell) for cell in row if local(cell).lower() in _CELL]


def _cell(element: etree._Element) -> Cell:
    text = " ".join(" ".join(map(str, element.itertext())).split())
    spans = (attribute(element, name) for name in ("rowspan", "colspan"))
    rows, columns = (int(span) if span.isdecimal() else 1 for span in spans)
    return Cell(text, rows, columns)
