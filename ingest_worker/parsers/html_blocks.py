"""HTML as headings, paragraphs, lists and tables; what isn't shown is left out."""

import re
from collections.abc import Iterator
from typing import Final

from lxml import etree, html

from chatbot.contracts.errors import DocumentFault
from ingest_worker.parsers.encoding import clean
from ingest_worker.parsers.grids import Cell, spread
from ingest_worker.parsers.hidden import drop_hidden
from ingest_worker.parsers.parts import Block
from ingest_worker.parsers.tables import inline, table
from ingest_worker.parsers.trees import without_declaration

_HEADINGS: Final = {f"h{level}": "#" * level for level in range(1, 7)}
_INLINE: Final = frozenset(
    {
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn",
        "em", "font", "i", "ins", "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s", "samp",
        "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
    }
)  # fmt: skip
_WORDS_OF_THEIR_OWN: Final = frozenset({"button", "option", "rt"})
_LISTS: Final = frozenset({"ul", "ol", "menu", "dir"})
_INDENT: Final = "  "
_DEEPEST_LIST: Final = 6
_DIGITS: Final = 5
_DEEPEST: Final = 180
"""Elements in elements: below this only the text is taken."""
_SPACES: Final = re.compile(r"[ \t\n\r\f\xa0]+")
_LINE: Final = "\u2028"
"""Stands for a forced line end while white space is folded."""


def html_blocks(markup: str) -> list[Block]:
    """What a browser shows of an HTML document.

    Raises:
        DocumentFault: it can't be read as HTML.
    """
    markup = without_declaration(clean(markup))
    if not markup.strip():
        return []
    try:
        root = html.document_fromstring(markup, parser=html.HTMLParser(no_network=True))
    except (etree.LxmlError, ValueError) as error:
        raise DocumentFault("The page can't be read.", code="file-broken") from error
    drop_hidden(root)
    reader = _Reader()
    reader.read(root, 0)
    return reader.end()


class _Reader:
    """Collects text until a block begins or ends."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._text: list[str] = []
        self._marks: list[str] = []
        """Of the list items that are open: what their first line begins with, then blanks."""

    def read(self, element: html.HtmlElement, depth: int) -> None:
        """Takes an element without what follows it."""
        tag = str(element.tag).lower()
        if depth > _DEEPEST:
            self._text.append(" ".join(element.itertext()))
        elif tag in _HEADINGS:
            self._heading(element, tag)
        elif tag == "table":
            self._table(element, depth)
        elif tag == "pre":
            self._flush()
            self._blocks.append(Block("".join(element.itertext()).strip("\n")))
        elif tag in _LISTS:
            self._list(element, depth)
        elif not self._replaced(element, tag):
            self._children(element, tag, depth)

    def read_inside(self, element: html.HtmlElement) -> None:
        """Takes what an element holds."""
        self._children(element, "div", 0)

    def end(self) -> list[Block]:
        """The blocks of all that was read."""
        self._flush()
        return self._blocks

    def _replaced(self, element: html.HtmlElement, tag: str) -> bool:
        """Takes an element that stands for a text which it doesn't hold."""
        if tag == "br":
            self._text.append(_LINE)
        elif tag == "hr":
            self._flush()
        elif tag in {"img", "area"}:
            self._text.append(f" {element.get('alt', '')} ")
        elif tag == "input":
            self._text.append(f" {_input(element)} ")
        else:
            return False
        return True

    def _children(self, element: html.HtmlElement, tag: str, depth: int) -> None:
        is_block = tag not in _INLINE and tag not in _WORDS_OF_THEIR_OWN
        if is_block:
            self._flush()
        elif tag in _WORDS_OF_THEIR_OWN:
            self._text.append(" ")
        self._text.append(element.text or "")
        for child in element:
            self.read(child, depth + 1)
            self._text.append(child.tail or "")
        if is_block:
            self._flush()
        elif tag in _WORDS_OF_THEIR_OWN:
            self._text.append(" ")

    def _heading(self, element: html.HtmlElement, tag: str) -> None:
        self._flush()
        if text := " ".join(_plain(element).split()):
            self._blocks.append(Block(f"{_HEADINGS[tag]} {text}", is_heading=True))

    def _list(self, element: html.HtmlElement, depth: int) -> None:
        self._flush()
        number = _number(element.get("start"), 1)
        for child in element:
            if str(child.tag).lower() != "li":
                self.read(child, depth + 1)
                continue
            number = _number(child.get("value"), number)
            self._marks.append(f"{number}. " if element.tag == "ol" else "- ")
            self._children(child, "li", depth + 1)
            self._marks.pop()
            number += 1

    def _table(self, element: html.HtmlElement, depth: int) -> None:
        """A table of data as one block; a table that only places things as what it places."""
        self._flush()
        caption = next((_plain(child) for child in element.iterchildren("caption")), "")
        if caption.strip():
            self._blocks.append(Block(" ".join(caption.split())))
        rows = list(_rows(element))
        if max((len(row) for row in rows), default=0) > 1 and not _is_layout(element):
            self._blocks.append(table(spread([_cell(cell) for cell in row] for row in rows)))
            return
        for row in rows:
            for cell in row:
                self._children(cell, "td", depth + 1)

    def _flush(self) -> None:
        text = _SPACES.sub(" ", "".join(self._text))
        self._text.clear()
        lines = [line.strip() for line in text.split(_LINE)]
        text = "\n".join(lines).strip("\n")
        if not text:
            return
        if not self._marks:
            self._blocks.append(Block(text))
            return
        indent = _INDENT * min(len(self._marks) - 1, _DEEPEST_LIST)
        mark, self._marks[-1] = self._marks[-1], ""
        # Paragraphs of an item stand below its mark.
        self._blocks.append(Block(indent + (mark or _INDENT) + text, is_close=True))


def _rows(element: html.HtmlElement) -> Iterator[list[html.HtmlElement]]:
    """The cells of each row, without those of tables within."""
    for part in element:
        if part.tag in {"thead", "tbody", "tfoot"}:
            yield from _rows(part)
        elif part.tag == "tr":
            yield [cell for cell in part if cell.tag in {"td", "th"}]


def _is_layout(element: html.HtmlElement) -> bool:
    if element.get("role") in {"presentation", "none"}:
        return True
    if element.find(".//th") is not None:
        return False
    inside = next(element.iterdescendants("table", "h1", "h2", "h3", "form", "pre"), None)
    return inside is not None


def _cell(element: html.HtmlElement) -> Cell:
    rows = _number(element.get("rowspan"), 1)
    return Cell(" ".join(_plain(element).split()), rows, _number(element.get("colspan"), 1))


def _plain(element: html.HtmlElement) -> str:
    """All text of an element, blocks and cells set apart by blanks."""
    reader = _Reader()
    reader.read_inside(element)
    return " ".join(inline(block) for block in reader.end())


def _input(element: html.HtmlElement) -> str:
    kind = element.get("type", "text").lower()
    if kind in {"checkbox", "radio"}:
        return "[x]" if "checked" in element.attrib else "[ ]"
    return "" if kind in {"image", "file", "color", "range"} else str(element.get("value", ""))


def _number(text: str | None, otherwise: int) -> int:
    digits = (text or "").strip()
    return (
        int(digits)
        if digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS
        else otherwise
    )
