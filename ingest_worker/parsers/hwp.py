"""HWP 5, the binary format of Hancom's word processor, as its maker describes it."""

import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, Literal, NamedTuple

from chatbot.contracts.media_types import HWP
from ingest_worker.parsers.flow import Cell, FlowWriter, Frame, Grid, Inset, Margin, Note, Paragraph
from ingest_worker.parsers.hwp_numbers import Numbers, number_shapes
from ingest_worker.parsers.hwp_records import Record, Tag, flat_records, record_trees
from ingest_worker.parsers.hwp_storage import open_storage
from ingest_worker.parsers.hwp_text import counted_text, form_text, pieces
from ingest_worker.parsers.parts import Section
from ingest_worker.parsers.whole import WholeFileParser

_SHAPE_OF_PARAGRAPH: Final = struct.Struct("<8xH")
_SHAPE: Final = struct.Struct("<I26xH")
"""Bits, and the id of its numbers."""
_OUTLINE_ID: Final = struct.Struct("<18xH")
"""Of a section; its control's name is part of that."""
_CELL: Final = struct.Struct("<8xHH2xH")
"""Column and row, and how many rows it covers, behind what all lists have."""
_NUMBER: Final = struct.Struct("<4xIH")
"""Behind the control's name: what is counted, and the number."""
_COUNTED: Final = frozenset({3, 4, 5})
"""Pictures, tables and equations; pages aren't known here, and notes are counted anew."""
_OUTLINE: Final = 1
_NUMBERED: Final = 2
_NAME_BYTES: Final = 4
_SECTION: Final = b"secd"[::-1]
_SCRIPT_AT: Final = 4
_TEXT_ART_AT: Final = 32
_HIDDEN: Final = frozenset({"tcmt"})
_MARGINS: Final = frozenset({"head", "foot"})
_NOTES: Final[dict[str, Literal["foot", "end"]]] = {"fn": "foot", "en": "end"}
_ITEMS: Final = frozenset({2, 3})
"""Numbers and bullets."""


class HwpParser(WholeFileParser):
    """Sections of the document, cut where they are long; what it hides isn't read."""

    media_types = frozenset({HWP})

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        writer = FlowWriter()
        with open_storage(file) as storage:
            reader = _Reader(storage.document_info())
            for data in storage.sections():
                yield Section(tuple(writer.blocks(reader.section(record_trees(data)))))


class _Shape(NamedTuple):
    """How paragraphs begin: outline, number or bullet."""

    kind: int = 0
    level: int = 0
    numbers: int = 0


class _Reader:
    def __init__(self, document_info: bytes) -> None:
        self._shapes: list[_Shape] = []
        self._outline = 0
        self._numbers = Numbers({})
        for tag, _, content in flat_records(document_info):
            if tag == Tag.PARAGRAPH_SHAPE:
                bits, numbers = _SHAPE.unpack_from(content.ljust(_SHAPE.size, b"\x00"))
                self._shapes.append(_Shape(bits >> 23 & 0x3, bits >> 25 & 0x7, numbers))
            elif tag == Tag.NUMBERING:
                self._numbers.shapes[len(self._numbers.shapes) + 1] = number_shapes(content)

    def section(self, records: list[Record]) -> list[Paragraph]:
        """Its paragraphs; what its outline is numbered by is said in the first one."""
        for control in records[0].children if records else ():
            if control.data.startswith(_SECTION) and len(control.data) >= _OUTLINE_ID.size:
                (self._outline,) = _OUTLINE_ID.unpack_from(control.data)
        return self.paragraphs(records)

    def paragraphs(self, records: Iterable[Record]) -> list[Paragraph]:
        """Those of lists, which stand beside the list's record or in it, and of shapes, too."""
        found = []
        for record in records:
            if record.tag == Tag.PARAGRAPH:
                found.append(self._paragraph(record))
            elif record.tag in {Tag.LIST, Tag.SHAPE}:
                found += self.paragraphs(record.children)
        return found

    def _paragraph(self, record: Record) -> Paragraph:
        kind, level, numbers = self._shape(record.data)
        found = Paragraph(
            heading=level + 1 if kind == _OUTLINE else 0, is_item=kind in _ITEMS, level=level
        )
        if kind in {_OUTLINE, _NUMBERED}:
            identity = self._outline if kind == _OUTLINE else numbers
            found.number = self._numbers.following(identity, level)
        controls = iter([child for child in record.children if child.tag == Tag.CONTROL])
        for child in record.children:
            if child.tag != Tag.TEXT:
                continue
            for piece in pieces(child.data):
                if piece is not None:
                    found.pieces.append(piece)
                elif control := next(controls, None):
                    found.pieces += self._control(control)
        for control in controls:
            found.pieces += self._control(control)
        return found

    def _shape(self, data: bytes) -> _Shape:
        if len(data) < _SHAPE_OF_PARAGRAPH.size:
            return _Shape()
        (number,) = _SHAPE_OF_PARAGRAPH.unpack_from(data)
        return self._shapes[number] if number < len(self._shapes) else _Shape()

    def _control(self, record: Record) -> list[str | Inset]:
        """What a control shows, by its name of four letters, which is stored backwards."""
        name = record.data[:_NAME_BYTES][::-1].decode("latin-1").strip()
        if name in _HIDDEN:
            return []
        if name == "tbl":
            return [self._grid(record)]
        text = _text_of(name, record)
        found: list[str | Inset] = [text] if text else []
        if paragraphs := self.paragraphs(record.children):
            found.append(_inset(name, paragraphs))
        return found

    def _grid(self, record: Record) -> Grid:
        """Lists before the table's record are its caption, those after it its cells."""
        grid = Grid([])
        is_inside = False
        for child in record.children:
            if child.tag == Tag.TABLE:
                is_inside = True
            elif not is_inside:
                grid.caption += self.paragraphs([child])
            elif child.tag == Tag.LIST:
                data = child.data.ljust(_CELL.size, b"\x00")
                column, row, rows = _CELL.unpack_from(data)
                inside = self.paragraphs(child.children)
                grid.cells.append(Cell(row, column, inside, rows))
            elif grid.cells:
                grid.cells[-1].paragraphs += self.paragraphs([child])
        return grid


def _inset(name: str, paragraphs: list[Paragraph]) -> Inset:
    if name in _MARGINS:
        return Margin(paragraphs)
    if name in _NOTES:
        return Note(_NOTES[name], paragraphs)
    return Frame(paragraphs)


def _text_of(name: str, record: Record) -> str:
    """Text that a control holds without paragraphs."""
    if name == "atno":
        return _counted(record.data)
    if name == "tcps":
        return counted_text(record.data, _NAME_BYTES)[0]
    if name == "tdut":
        main, end = counted_text(record.data, _NAME_BYTES)
        above = counted_text(record.data, end)[0]
        return f"{main}({above})" if above else main
    return " ".join(filter(None, _texts_of_objects(record.children)))


def _counted(data: bytes) -> str:
    if len(data) < _NUMBER.size:
        return ""
    bits, number = _NUMBER.unpack_from(data)
    return str(number) if bits & 0xF in _COUNTED else ""


def _texts_of_objects(records: Iterable[Record]) -> Iterator[str]:
    for record in records:
        if record.tag == Tag.EQUATION:
            yield counted_text(record.data, _SCRIPT_AT)[0]
        elif record.tag == Tag.TEXT_ART:
            yield counted_text(record.data, _TEXT_ART_AT)[0]
        elif record.tag == Tag.FORM:
            yield f" {form_text(record.data)} "
        elif record.tag == Tag.SHAPE:
            yield from _texts_of_objects(record.children)
