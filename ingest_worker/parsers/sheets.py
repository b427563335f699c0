"""XLSX: each sheet is a page. Values, as they were last computed, and not formulas."""

import datetime as dt
from collections.abc import Iterator
from contextlib import closing
from typing import Any, BinaryIO, Final
from zipfile import ZipFile

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import XLSX
from ingest_worker.parsers.grids import Cell, spread
from ingest_worker.parsers.packages import plain_package
from ingest_worker.parsers.parts import Block, Section
from ingest_worker.parsers.sheet_layout import Layout, layouts
from ingest_worker.parsers.tables import table
from ingest_worker.parsers.trees import DAMAGED
from ingest_worker.parsers.whole import WholeFileParser

_BROKEN: Final = (
    *DAMAGED,
    InvalidFileException,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    SyntaxError,
)
_ROWS: Final = 1000
"""Of a merged cell: those beyond are not counted."""
_SHOWS_NOTHING: Final = ";;;"
"""The format of numbers and texts that aren't to be seen."""
_FLOAT_DIGITS: Final = ".15g"


class SheetParser(WholeFileParser):
    """Hidden sheets, rows and columns are left out."""

    media_types = frozenset({XLSX})

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        package = plain_package(file)
        try:
            with ZipFile(package) as archive:
                found = layouts(archive)
            package.seek(0)
            # What only draws (fonts, pictures) isn't read, and links to other files aren't kept.
            book = openpyxl.load_workbook(package, read_only=True, data_only=True, keep_links=False)
            with closing(book):
                for name, layout in found.items():
                    if not layout.is_hidden:
                        yield _section(book, name, layout)
        except _BROKEN as error:
            raise DocumentFault("The workbook can't be opened.", code="file-broken") from error


def _section(book: Any, name: str, layout: Layout) -> Section:  # noqa: ANN401 - openpyxl is untyped
    title = Block(f"## {' '.join(name.split())}", is_heading=True)
    rows: list[list[str]] = []
    if name in book.sheetnames and hasattr(book[name], "iter_rows"):
        sheet = book[name]
        # What a file says of its own size may be wrong, or a million rows of nothing.
        sheet.reset_dimensions()
        rows = spread(_rows(sheet, layout)) if layout.merged else _plain_rows(sheet, layout)
        rows = _blanked(rows, layout.columns)
    return Section((title, table(rows), *layout.extras), label=name)


def _plain_rows(sheet: Any, layout: Layout) -> list[list[str]]:  # noqa: ANN401
    return [
        [_value(cell) for cell in row]
        for number, row in enumerate(sheet.iter_rows(), start=1)
        if number not in layout.rows
    ]


def _rows(sheet: Any, layout: Layout) -> Iterator[list[Cell]]:  # noqa: ANN401 - openpyxl is untyped
    """The visible rows; cells that a merged one covers are left to it."""
    covered: dict[int, int] = {}
    for number, row in enumerate(sheet.iter_rows(), start=1):
        cells: list[Cell] = []
        skipped = 0
        for column, cell in enumerate(row, start=1):
            rows, columns = layout.merged.get((number, column), (1, 1))
            if skipped or covered.get(column, 0) >= number:
                skipped = max(0, skipped - 1)
                continue
            if rows > 1:
                covered.update(dict.fromkeys(range(column, column + columns), number + rows - 1))
            skipped = columns - 1
            cells.append(_cell(cell, number, column, layout))
        if number not in layout.rows:
            yield cells


def _cell(cell: Any, row: int, column: int, layout: Layout) -> Cell:  # noqa: ANN401
    rows, columns = layout.merged.get((row, column), (1, 1))
    shown = sum(number not in layout.rows for number in range(row, row + min(rows, _ROWS)))
    return Cell(_value(cell), max(shown, 1), columns)


def _blanked(rows: list[list[str]], hidden: set[int]) -> list[list[str]]:
    """Without what stands in hidden columns; what reaches into others still stands there."""
    if not hidden:
        return rows
    return [
        ["" if column in hidden else text for column, text in enumerate(row, start=1)]
        for row in rows
    ]


def _value(cell: Any) -> str:  # noqa: ANN401 - a cell of openpyxl, or of nothing
    value = cell.value
    if value is None or cell.number_format == _SHOWS_NOTHING:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        is_percentage = "%" in (cell.number_format or "")
        number = format(value * 100 if is_percentage else value, _FLOAT_DIGITS)
        return f"{number}%" if is_percentage else number
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time.min else value.isoformat(" ")
    return str(value)
