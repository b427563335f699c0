"""What a streaming workbook doesn't tell: hidden rows, merged cells, charts and notes."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from zipfile import ZipFile

from lxml import etree
from openpyxl.utils.cell import range_boundaries

from chatbot.contracts.errors import DocumentFault
from ingest_worker.parsers.charts import chart_rows
from ingest_worker.parsers.parts import Block
from ingest_worker.parsers.tables import table
from ingest_worker.parsers.trees import DAMAGED, attribute, local, member_tree

_ON: Final = frozenset({"1", "true"})
_MERGED: Final = 5000
_COLUMNS: Final = 16_384
_TOLD: Final = ("{*}row", "{*}col", "{*}mergeCell")
_WORKBOOK: Final = "xl/workbook.xml"


@dataclass(slots=True)
class Layout:
    """Of one sheet. Rows and columns count from 1."""

    is_hidden: bool = False
    rows: set[int] = field(default_factory=set)
    columns: set[int] = field(default_factory=set)
    merged: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """Rows and columns that a cell covers, by the place of the cell."""
    extras: list[Block] = field(default_factory=list)
    """Texts of charts, text boxes and notes."""


def layouts(archive: ZipFile) -> dict[str, Layout]:
    """Of all sheets by their names, in their order.

    Raises:
        DocumentFault: the workbook is damaged.
    """
    book = member_tree(archive, _WORKBOOK)
    if book is None:
        raise DocumentFault("The workbook has no contents.", code="file-broken")
    targets = _targets(archive, _WORKBOOK)
    found = {}
    for sheet in book.iter():
        if local(sheet) != "sheet":
            continue
        layout = Layout(is_hidden=attribute(sheet, "state") in {"hidden", "veryHidden"})
        _, name = targets.get(attribute(sheet, "id"), ("", ""))
        if name in archive.namelist() and not layout.is_hidden:
            _read_sheet(archive, name, layout)
            layout.extras += _extras(archive, name)
        found[attribute(sheet, "name")] = layout
    return found


def _read_sheet(archive: ZipFile, name: str, layout: Layout) -> None:
    """Streams, for a sheet may be a hundred megabytes."""
    number = 0
    with archive.open(name) as file:
        try:
            for _, element in etree.iterparse(
                file, tag=_TOLD, resolve_entities=False, no_network=True, load_dtd=False
            ):
                kind = local(element)
                if kind == "row":
                    written = attribute(element, "r")
                    number = int(written) if written.isdecimal() else number + 1
                    if attribute(element, "hidden") in _ON:
                        layout.rows.add(number)
                    element.clear()
                    while element.getprevious() is not None:
                        del element.getparent()[0]
                elif kind == "col" and attribute(element, "hidden") in _ON:
                    last = min(int(attribute(element, "max")), _COLUMNS)
                    layout.columns.update(range(int(attribute(element, "min")), last + 1))
                elif kind == "mergeCell" and len(layout.merged) < _MERGED:
                    left, top, right, bottom = range_boundaries(attribute(element, "ref"))
                    layout.merged[top, left] = (bottom - top + 1, right - left + 1)
        except (*DAMAGED, etree.LxmlError, ValueError, TypeError) as error:
            raise DocumentFault("A sheet is damaged.", code="file-broken") from error


def _extras(archive: ZipFile, sheet: str) -> Iterator[Block]:
    for kind, name in _targets(archive, sheet).values():
        if kind == "drawing":
            yield from _drawn(archive, name)
        elif kind in {"comments", "threadedComment"} and (
            (tree := member_tree(archive, name)) is not None
        ):
            notes = [one for one in tree.iter() if local(one) in {"comment", "threadedComment"}]
            for note in notes:
                text = " ".join(" ".join(map(str, note.itertext())).split())
                yield Block(f"[Comment] {attribute(note, 'ref')}: {text}")


def _drawn(archive: ZipFile, drawing: str) -> Iterator[Block]:
    tree = member_tree(archive, drawing)
    if tree is None:
        return
    for box in [one for one in tree.iter() if local(one) == "txBody"]:
        lines = ("".join(map(str, paragraph.itertext())) for paragraph in box)
        yield Block("\n".join(line.strip() for line in lines if line.strip()))
    for kind, name in _targets(archive, drawing).values():
        if kind == "chart" and (chart := member_tree(archive, name)) is not None:
            title, rows = chart_rows(chart)
            yield Block(title)
            yield table(rows)


def _targets(archive: ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """Kind and name of each part that a part refers to, by the reference's id."""
    folder, name = posixpath.split(part)
    tree = member_tree(archive, f"{folder}/_rels/{name}.rels")
    found = {}
    for relation in () if tree is None else tree:
        if attribute(relation, "TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", folder, attribute(relation, "Target")))
            kind = attribute(relation, "Type").rpartition("/")[2]
            found[attribute(relation, "Id")] = (kind, target.lstrip("/"))
    return found
