"""Text, lists and tables of OpenDocument's XML as blocks."""

from typing import Final

from lxml import etree

from ingest_worker.parsers.grids import Cell, spread
from ingest_worker.parsers.parts import Block
from ingest_worker.parsers.tables import inline, table
from ingest_worker.parsers.trees import attribute, local

_LEFT_OUT: Final = frozenset(
    {
        "tracked-changes", "hidden-text", "forms", "sequence-decls", "shapes", "desc",
        "binary-data", "note-citation", "creator", "date", "creator-initials", "event-listeners",
        "style", "meta",
        "variable-decls", "user-field-decls", "scripts", "calculation-settings", "script",
        "table-source", "ruby-text", "animation-group", "settings", "named-expressions",
    }
)  # fmt: skip
_OFF: Final = frozenset({"none", "false"})
_DEEPEST_HEADING: Final = 6
_DEEPEST: Final = 200
_REPEATED: Final = 100
"""How often a cell or row is repeated at most: sheets repeat empty ones a million times."""
_CELLS: Final = 500_000
_INDENT: Final = "  "


class Reader:
    """Collects the text of paragraphs into blocks."""

    def __init__(self, hidden: frozenset[str]) -> None:
        self._hidden = hidden
        self._blocks: list[Block] = []
        self._after: list[etree._Element] = []
        """Notes and frames of the paragraph that is being read; they follow it."""
        self._lists = 0
        self._deep = 0

    def read(self, element: etree._Element) -> None:
        """Takes an element with all that is in it."""
        name = local(element)
        if self._is_left_out(element, name) or self._deep > _DEEPEST:
            return
        self._deep += 1
        if name in {"p", "h"}:
            self._paragraph(element, name)
        elif name == "title":
            self._blocks.append(Block(element.text or ""))
        elif name == "table":
            self._table(element)
        else:
            self._lists += name == "list"
            for child in element:
                self.read(child)
            self._lists -= name == "list"
        self._deep -= 1

    def end(self) -> list[Block]:
        """The blocks of all that was read."""
        return self._blocks

    def _is_left_out(self, element: etree._Element, name: str) -> bool:
        if name in _LEFT_OUT or attribute(element, "display") in _OFF:
            return True
        if name == "hidden-paragraph" or attribute(element, "visibility") in {"collapse", "filter"}:
            return True
        return attribute(element, "style-name") in self._hidden

    def _paragraph(self, element: etree._Element, name: str) -> None:
        if any(local(one) == "hidden-paragraph" for one in element.iter()):
            return
        outer, self._after = self._after, []
        text = self._inline(element).strip()
        if text and name == "h":
            depth = attribute(element, "outline-level")
            level = min(int(depth) if depth.isdecimal() else 1, _DEEPEST_HEADING) or 1
            self._blocks.append(Block(f"{'#' * level} {text}", is_heading=True))
        elif text and self._lists:
            indent = _INDENT * (min(self._lists, _DEEPEST_HEADING) - 1)
            self._blocks.append(Block(f"{indent}- {text}", is_close=True))
        elif text:
            self._blocks.append(Block(text))
        after, self._after = self._after, outer
        lists, self._lists = self._lists, 0
        for child in after:
            self._aside(child)
        self._lists = lists

    def _aside(self, element: etree._Element) -> None:
        kind = local(element)
        if kind == "annotation":
            text = " ".join(" ".join(map(str, element.itertext())).split())
            self._blocks.append(Block(f"[Comment] {text}"))
        else:
            for child in element:
                self.read(child)

    def _inline(self, element: etree._Element) -> str:
        """The text of a paragraph; what only hangs on it is put aside."""
        if self._deep > _DEEPEST:
            return ""
        self._deep += 1
        pieces = [element.text or ""]
        for child in element:
            name = local(child)
            if name in {"note", "frame", "annotation", "g", "custom-shape", "rect", "table"}:
                self._after.append(child)
                if name == "note":
                    pieces.append(f"[^{self._citation(child)}]")
            elif name in {"s", "tab"}:
                pieces.append(" ")
            elif name == "line-break":
                pieces.append("\n")
            elif not self._is_left_out(child, name):
                pieces.append(self._inline(child))
            pieces.append(child.tail or "")
        self._deep -= 1
        return "".join(pieces)

    def _citation(self, note: etree._Element) -> str:
        found = (one.text or "" for one in note if local(one) == "note-citation")
        return "".join(found).strip()

    def _table(self, element: etree._Element) -> None:
        rows: list[list[Cell]] = []
        hidden = _hidden_columns(element, self._hidden)
        left = _CELLS
        for row in _rows(element):
            if self._is_left_out(row, "table-row"):
                continue
            cells = self._cells(row)
            repeats = _number(row, "number-rows-repeated") if any(one.text for one in cells) else 1
            left -= repeats * len(cells)
            if left < 0:
                break
            rows += [cells] * repeats
        grid = spread(rows)
        shown = [
            ["" if place in hidden else text for place, text in enumerate(row)] for row in grid
        ]
        self._blocks.append(table(shown))

    def _cells(self, row: etree._Element) -> list[Cell]:
        found: list[Cell] = []
        for cell in row:
            if local(cell) != "table-cell":
                continue  # what a merged cell covers is its own
            reader = Reader(self._hidden)
            reader._deep = self._deep
            for child in cell:
                reader.read(child)
            text = " ".join(inline(block) for block in reader.end())
            spans = _number(cell, "number-rows-spanned"), _number(cell, "number-columns-spanned")
            found += [Cell(text, *spans)] * _number(cell, "number-columns-repeated")
        while found and not found[-1].text:
            found.pop()
        return found


def hidden_styles(root: etree._Element) -> set[str]:
    """Names of the styles by which text, rows or sheets aren't shown."""
    return {
        attribute(style, "name")
        for style in root.iter()
        if local(style) == "style" and any(map(_hides, style))
    }


def _hides(properties: etree._Element) -> bool:
    kind = local(properties)
    if kind == "drawing-page-properties":
        return attribute(properties, "visibility") == "hidden"
    return kind in {"text-properties", "table-properties"} and (
        attribute(properties, "display") in _OFF
    )


def _rows(element: etree._Element) -> list[etree._Element]:
    """Rows of a table, without those of tables within."""
    found = []
    for child in element:
        name = local(child)
        if name == "table-row":
            found.append(child)
        elif name in {"table-rows", "table-header-rows", "table-row-group"}:
            found += _rows(child)
    return found


def _hidden_columns(element: etree._Element, hidden: frozenset[str]) -> set[int]:
    found: set[int] = set()
    place = 0
    for child in element.iter():
        if local(child) == "table-column":
            count = _number(child, "number-columns-repeated")
            if attribute(child, "visibility") in {"collapse", "filter"} or (
                attribute(child, "style-name") in hidden
            ):
                found.update(range(place, place + count))
            place += count
        elif local(child) == "table-row":
            break
    return found


def _number(element: etree._Element, name: str) -> int:
    text = attribute(element, name)
    return min(int(text), _REPEATED) if text.isdecimal() and int(text) else 1
