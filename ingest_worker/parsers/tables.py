"""Tables as Markdown rows, and the format that is nothing but one: CSV."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any, BinaryIO, Final

from lxml import etree, html

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import CSV
from ingest_worker.parsers.encoding import decode
from ingest_worker.parsers.parts import Block, Section
from ingest_worker.parsers.whole import WholeFileParser

_DELIMITERS: Final = ",;\t|"
_SNIFFED_CHARACTERS: Final = 16 * 1024
_RULES: Final = re.compile(r"^\|(?: --- \|)+$|(?<!\\)\|", re.MULTILINE)
_CELL_CHARACTERS: Final = 1_000_000


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


def inline(block: Block) -> str:
    """A block on one line, to stand in a cell; of a table only what its cells say."""
    return " ".join(_RULES.sub(" ", block.text).split()) if block.repeated else block.text


def html_table(markup: str) -> Block:
    """A table that a partitioner wrote as HTML."""
    try:
        root = html.fragment_fromstring(markup)
    except etree.LxmlError:
        return Block("")
    return table(
        [cell.text_content() for cell in row.iterchildren("td", "th")] for row in root.iter("tr")
    )


class CsvParser(WholeFileParser):
    media_types = frozenset({CSV})

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        text = decode(file.read()).replace("\x00", "")
        csv.field_size_limit(_CELL_CHARACTERS)
        try:
            dialect: Any = csv.Sniffer().sniff(text[:_SNIFFED_CHARACTERS], _DELIMITERS)
        except csv.Error:
            dialect = csv.excel
        try:
            yield Section((table(csv.reader(io.StringIO(text, newline=""), dialect)),))
        except csv.Error as error:
            raise DocumentFault("The table can't be read.", code="file-broken") from error


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
