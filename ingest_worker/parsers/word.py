"""DOCX, by unstructured, after what it would pass over was put where it looks."""

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml import OxmlElement
from lxml import etree

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import DOCX
from ingest_worker.parsers.charts import chart_rows, diagram_lines
from ingest_worker.parsers.elements import NO_LANGUAGE_DETECTION, blocks, by_page
from ingest_worker.parsers.encoding import clean
from ingest_worker.parsers.html_blocks import html_blocks
from ingest_worker.parsers.mail import web_archive_blocks
from ingest_worker.parsers.markup import decode_markup
from ingest_worker.parsers.packages import plain_package
from ingest_worker.parsers.parts import Block, Section
from ingest_worker.parsers.trees import DAMAGED, attribute, local, xml_tree
from ingest_worker.parsers.whole import WholeFileParser
from ingest_worker.parsers.word_markup import (
    hidden_styles,
    insert_after,
    plain_text,
    simplify,
    text_paragraph,
    text_run,
)

# isort: split
# Partitioners come after `elements`, which prepares unstructured for them.
from unstructured.partition.docx import partition_docx

if TYPE_CHECKING:
    from docx.document import Document

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
_NOTES: Final = {"footnoteReference": "/footnotes", "endnoteReference": "/endnotes"}
_COMMENTS: Final = "/comments"
_HEADERS: Final = ("/header", "/footer")
_NO_NOTES: Final = frozenset({"separator", "continuationSeparator", "continuationNotice"})
_EMBEDDED_HTML: Final = ("text/html", "application/xhtml+xml")
_EMBEDDED_ARCHIVE: Final = ("message/rfc822", "multipart/related", "application/x-mimearchive")


class WordParser(WholeFileParser):
    """Pages as the word processor last broke them, where the file remembers."""

    media_types = frozenset({DOCX})

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        package = plain_package(file)
        try:
            document = docx.Document(package)
            embedded = list(_embedded_pages(document))
            _prepare(document)
            prepared = BytesIO()
            document.save(prepared)
            elements = partition_docx(file=prepared, languages=NO_LANGUAGE_DETECTION)
        except _BROKEN as error:
            raise DocumentFault("The document can't be opened.", code="file-broken") from error
        yield from map(Section, map(tuple, map(blocks, by_page(elements))))
        for page in embedded:
            yield Section(tuple(page))


def _prepare(document: "Document") -> None:
    styles: frozenset[str] = frozenset()
    for part in _related(document, "/styles"):
        styles = hidden_styles(_tree(part))
    body = document.element.body
    _add_drawings(document, body)
    simplify(body, styles)
    for kind in _HEADERS:
        for part in _related(document, kind):
            simplify(_tree(part), styles)
    for reference, kind in _NOTES.items():
        _add_notes(body, reference, _notes(document, kind, styles))
    _add_comments(body, _notes(document, _COMMENTS, styles))


def _related(document: "Document", kind: str) -> list[Any]:
    """Parts of a kind that are in the file itself."""
    relations = document.part.rels.values()
    return [
        relation.target_part
        for relation in relations
        if not relation.is_external and relation.reltype.endswith(kind)
    ]


def _tree(part: Any) -> etree._Element:  # noqa: ANN401 - a part with or without a class of its own
    element: etree._Element | None = getattr(part, "element", None)
    return xml_tree(part.blob) if element is None else element


def _notes(document: "Document", kind: str, styles: frozenset[str]) -> dict[str, tuple[str, str]]:
    """Author and text of each note by its id."""
    found = {}
    for part in _related(document, kind):
        for note in _tree(part):
            if local(note) in {"footnote", "endnote", "comment"} and (
                attribute(note, "type") not in _NO_NOTES
            ):
                text = clean(plain_text(note, styles))
                found[attribute(note, "id")] = (attribute(note, "author"), text)
    return found


def _add_notes(body: etree._Element, reference: str, notes: dict[str, tuple[str, str]]) -> None:
    """Notes stand below the paragraph that refers to them, so that they stay on its page."""
    for element in [one for one in body.iter() if local(one) == reference]:
        key = attribute(element, "id")
        run = element.getparent()
        if key in notes and notes[key][1] and run is not None:
            mark = f"[^{key}]" if reference == "footnoteReference" else f"[^e{key}]"
            run.addnext(text_run(mark))
            insert_after(element, [text_paragraph(f"{mark}: {notes[key][1]}")])


def _add_comments(body: etree._Element, comments: dict[str, tuple[str, str]]) -> None:
    for element in [one for one in body.iter() if local(one) == "commentReference"]:
        author, text = comments.get(attribute(element, "id"), ("", ""))
        if text:
            insert_after(element, [text_paragraph(f"[Comment] {author}: {text}")])


def _add_drawings(document: "Document", body: etree._Element) -> None:
    """Charts as tables and diagrams as paragraphs, behind the paragraph that holds them."""
    parts = document.part.related_parts
    for element in list(body.iter()):
        name = local(element)
        if name == "chart" and (part := parts.get(attribute(element, "id"))) is not None:
            title, rows = chart_rows(_tree(part))
            insert_after(element, [text_paragraph(title), _table(rows)] if rows else [])
        elif name == "relIds" and (part := parts.get(attribute(element, "dm"))) is not None:
            insert_after(element, [text_paragraph(line) for line in diagram_lines(_tree(part))])


def _table(rows: list[list[str]]) -> etree._Element:
    found = OxmlElement("w:tbl")
    found.append(OxmlElement("w:tblPr"))
    found.append(OxmlElement("w:tblGrid"))
    for cells in rows:
        row = OxmlElement("w:tr")
        for text in cells:
            cell = OxmlElement("w:tc")
            cell.append(text_paragraph(text))
            row.append(cell)
        found.append(row)
    return found


def _embedded_pages(document: "Document") -> Iterator[list[Block]]:
    for part in _related(document, "/aFChunk"):
        if part.content_type.startswith(_EMBEDDED_HTML):
            yield html_blocks(decode_markup(part.blob))
        elif part.content_type.startswith(_EMBEDDED_ARCHIVE):
            yield web_archive_blocks(part.blob)
