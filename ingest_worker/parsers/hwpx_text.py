"""Paragraphs of HWPX. The parser of XML limits how deep elements stand in each other."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

from lxml import etree

from ingest_worker.parsers.flow import Cell, Frame, Grid, Inset, Margin, Note, Paragraph
from ingest_worker.parsers.hwp_numbers import Numbers

_CHARACTERS: Final = {
    "lineBreak": "\n",
    "tab": "\t",
    "nbSpace": " ",
    "fwSpace": " ",
    "hyphen": "-",
}
_COUNTED: Final = frozenset({"PICTURE", "TABLE", "EQUATION"})
"""Pages aren't known here, and notes are counted anew."""
_HIDDEN: Final = frozenset({"hiddenComment", "secPr", "shapeComment", "parameters"})
_INSETS: Final[dict[str, Callable[[list[Paragraph]], Inset]]] = {
    "header": Margin,
    "footer": Margin,
    "footNote": partial(Note, "foot"),
    "endNote": partial(Note, "end"),
}
_TEXT_ATTRIBUTES: Final = {"compose": "composeText", "textart": "text"}
_FIELDS: Final = frozenset({"btn", "checkBtn", "radioBtn", "edit", "comboBox"})
_FIELD_TEXTS: Final = ("caption", "selectedValue")
_LARGEST_LEVEL: Final = 9
_FIRST_ELEMENTS: Final = 100
_CELL_PARTS: Final = frozenset({"cellAddr", "cellSpan"})
_ADDRESS_DIGITS: Final = 12
"""Of row and column together."""

Pieces = list[str | Inset]


@dataclass(frozen=True, slots=True)
class Head:
    """How a paragraph begins: `OUTLINE`, `NUMBER`, `BULLET` or `NONE`, and its level from 0."""

    kind: str = "NONE"
    level: int = 0
    numbers: int = 0
    """Id of what it is numbered by; an outline is numbered by what its section says."""


class HwpxReader:
    def __init__(self, heads: dict[str, Head], numbers: Numbers) -> None:
        self._heads = heads
        self._numbers = numbers
        self._outline = 0
        self._is_deleted = False
        """A change that was tracked may delete across elements."""

    def section(self, root: etree._Element) -> list[Paragraph]:
        """Its paragraphs; what its outline is numbered by is said somewhere in the first one."""
        for element in islice(root.iter(), _FIRST_ELEMENTS):
            if local(element) == "secPr":
                self._outline = identity(element.get("outlineShapeIDRef"))
                break
        return self.paragraphs(root)

    def paragraphs(self, parent: etree._Element) -> list[Paragraph]:
        return [self._paragraph(child) for child in parent if local(child) == "p"]

    def _paragraph(self, element: etree._Element) -> Paragraph:
        head = self._heads.get(element.get("paraPrIDRef", ""), Head())
        level = min(head.level, _LARGEST_LEVEL)
        found = Paragraph(
            heading=level + 1 if head.kind == "OUTLINE" else 0,
            is_item=head.kind in {"NUMBER", "BULLET"},
            level=level,
        )
        if head.kind in {"OUTLINE", "NUMBER"}:
            numbers = self._outline if head.kind == "OUTLINE" else head.numbers
            found.number = self._numbers.following(numbers, level)
        for run in element:
            if local(run) == "run":
                for child in run:
                    found.pieces += self._pieces(child)
        return found

    def _pieces(self, element: etree._Element) -> Pieces:
        name = local(element)
        if name in _HIDDEN:
            return []
        if name in _INSETS:
            return [_INSETS[name](self._lists(element))]
        if name == "t":
            return list(self._characters(element))
        if name == "tbl":
            return [self._grid(element)]
        if name == "switch":
            return self._switch(element)
        text = _text_of(name, element)
        return [text, *self._shape(element)] if text else self._shape(element)

    def _switch(self, element: etree._Element) -> Pieces:
        """One of several ways to say the same: the one for readers that know no extensions."""
        default = [child for child in element if local(child) == "default"]
        return [piece for child in default for piece in self._pieces(child)]

    def _shape(self, element: etree._Element) -> Pieces:
        """Text boxes, captions and comments of a shape, and of the shapes that it groups."""
        found: Pieces = []
        if paragraphs := self._lists(element):
            found.append(Frame(paragraphs))
        for child in element:
            if local(child) not in _HIDDEN | {"subList"}:
                found += self._pieces(child)
        return found

    def _lists(self, element: etree._Element) -> list[Paragraph]:
        found = []
        for child in element:
            if local(child) == "subList":
                found += self.paragraphs(child)
        return found

    def _grid(self, element: etree._Element) -> Grid:
        grid = Grid([])
        for child in element:
            if local(child) == "caption":
                grid.caption += self._lists(child)
            elif local(child) == "tr":
                cells = [cell for cell in child if local(cell) == "tc"]
                grid.cells += [self._cell(cell, len(grid.cells)) for cell in cells]
        return grid

    def _cell(self, element: etree._Element, index: int) -> Cell:
        """Without an address a cell has a row of its own, in the order of the file."""
        said = {local(child): child for child in element if local(child) in _CELL_PARTS}
        cell = Cell(index, 0, self._lists(element))
        if "cellAddr" in said:
            row, column = map(said["cellAddr"].get, ("rowAddr", "colAddr"))
            if (
                row
                and column
                and (row + column).isdecimal()
                and len(row + column) < _ADDRESS_DIGITS
            ):
                cell.row, cell.column = int(row), int(column)
                cell.rows = identity(said.get("cellSpan", element).get("rowSpan"))
        return cell

    def _characters(self, element: etree._Element) -> Iterator[str]:
        """Text of a run; what a tracked change deleted isn't shown, and isn't read."""
        yield "" if self._is_deleted else element.text or ""
        for child in element:
            name = local(child)
            if name in {"deleteBegin", "deleteEnd"}:
                self._is_deleted = name == "deleteBegin"
            if not self._is_deleted:
                yield _CHARACTERS.get(name, "") + (child.tail or "")


def identity(value: str | None) -> int:
    """A number that an attribute holds, 0 if it doesn't."""
    is_number = value is not None and value.isdecimal() and len(value) < _ADDRESS_DIGITS
    return int(value) if value and is_number else 0


def local(element: etree._Element) -> str:
    """The name without its namespace, of which there are several generations."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _text_of(name: str, element: etree._Element) -> str:
    """Text that an element holds without paragraphs."""
    if name == "equation":
        return _child_text(element, "script")
    if name == "autoNum":
        return str(element.get("num", "")) if element.get("numType") in _COUNTED else ""
    if name == "dutmal":
        main, above = _child_text(element, "mainText"), _child_text(element, "subText")
        return f"{main}({above})" if above else main
    if name in _FIELDS:
        return f" {_joined([*map(element.get, _FIELD_TEXTS), _child_text(element, 'text')])} "
    return str(element.get(_TEXT_ATTRIBUTES[name], "")) if name in _TEXT_ATTRIBUTES else ""


def _child_text(element: etree._Element, name: str) -> str:
    return _joined("".join(map(str, child.itertext())) for child in element if local(child) == name)


def _joined(texts: Iterable[str | None]) -> str:
    return " ".join(text.strip() for text in texts if text and text.strip())
