"""Tables as Markdown rows, and the formats that are nothing but tables: XLSX and CSV."""

import csv
import datetime as dt
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO, Final
from zipfile import BadZipFile

import openpyxl
from lxml import etree, html
from openpyxl.utils.exceptions import InvalidFileException

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import CSV, XLSX
from ingest_worker.parsers.archive import check_archive
from ingest_worker.parsers.encoding import decode
from ingest_worker.parsers.parts import Block, Section
from ingest_worker.parsers.whole import WholeFileParser

_DELIMITERS: Final = ",;\t|"
_SNIFFED_CHARACTERS: Final = 16 * 1024
_CELL_CHARACTERS: Final = 1_000_000
_FLOAT_DIGITS: Final = ".15g"


def table(rows: Iterable[Sequence[str]]) -> Block:
    """A Markdown table; the first row is its head, and what stands alone above it a caption.

    Empty rows and columns are left out.
    """
    filled = [[_cell(cell) for cell in row] for row in rows]
    filled = [row for row in filled if any(row)]
    columns = [
        column
        for column in range(max(map(len, filled), default=0))
        if any(column < len(row) and row[column] for row in filled)
    ]
    captions = list(takewhile(lambda row: len(columns) > 1 == sum(map(bool, row)), filled))
    lines = [
        "| " + " | ".join(row[column] if column < len(row) else "" for column in columns) + " |"
        for row in filled[len(captions) :]
    ]
    caption = "".join(f"{''.join(row)}\n\n" for row in captions)
    if not lines:
        return Block(caption)
    head = f"{lines[0]}\n|{' --- |' * len(columns)}\n"
    return Block(caption + head + "\n".join(lines[1:]), repeated=head)


def html_table(markup: str) -> Block:
    """A table that a partitioner wrote as HTML."""
    try:
        root = html.fragment_fromstring(markup)
    except etree.LxmlError:
        return Block("")
    return table(
        [cell.text_content() for cell in row.iterchildren("td", "th")] for row in root.iter("tr")
    )


class SheetParser(WholeFileParser):
    """XLSX: each sheet is a page. Values, as they were last computed, and not formulas."""

    media_types = frozenset({XLSX})

    def sections(self, path: Path) -> Iterator[Section]:
        check_archive(path)
        try:
            # Not by its path: openpyxl reads the ending of its name, and stored files have none.
            with path.open("rb") as file, closing(_workbook(file)) as book:
                for sheet in book.worksheets:
                    # What a file says of its own size may be wrong, or a million rows of nothing.
                    sheet.reset_dimensions()
                    rows = [[_value(cell) for cell in row] for row in sheet.iter_rows()]
                    yield Section((table(rows),), label=sheet.title)
        except (BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError) as error:
            raise DocumentFault("The workbook can't be opened.", code="file-broken") from error


class CsvParser(WholeFileParser):
    media_types = frozenset({CSV})

    def sections(self, path: Path) -> Iterator[Section]:
        text = decode(path.read_bytes()).replace("\x00", "")
        csv.field_size_limit(_CELL_CHARACTERS)
        try:
            dialect: Any = csv.Sniffer().sniff(text[:_SNIFFED_CHARACTERS], _DELIMITERS)
        except csv.Error:
            dialect = csv.excel
        try:
            yield Section((table(csv.reader(io.StringIO(text, newline=""), dialect)),))
        except csv.Error as error:
            raise DocumentFault("The table can't be read.", code="file-broken") from error


def _workbook(file: BinaryIO) -> Any:  # noqa: ANN401 - openpyxl has no types
    return openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _value(cell: Any) -> str:  # noqa: ANN401 - a cell of openpyxl, or of nothing
    value = cell.value
    if value is None:
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
