"""HTML by unstructured; Markdown and plain text as they stand."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lxml import etree

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import HTML, MARKDOWN, TEXT
from ingest_worker.parsers.elements import NO_LANGUAGE_DETECTION, blocks
from ingest_worker.parsers.encoding import clean, decode
from ingest_worker.parsers.parts import Block, Section
from ingest_worker.parsers.whole import WholeFileParser

# isort: split
# Partitioners come after `elements`, which prepares unstructured for them.
from unstructured.partition.html import partition_html

if TYPE_CHECKING:
    from unstructured.documents.elements import Element

_DECLARED: Final = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_XML_DECLARED: Final = re.compile(rb"^\s*<\?xml[^>]+encoding\s*=\s*[\"']([\w.:-]+)")
_DECLARED_WITHIN_BYTES: Final = 4096
_XML_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]*\?>")
_PARAGRAPHS: Final = re.compile(r"\n[ \t]*\n+")
_MARKDOWN_HEADING: Final = re.compile(r"^#{1,6} .", re.MULTILINE)


class HtmlParser(WholeFileParser):
    media_types = frozenset({HTML})

    def sections(self, path: Path) -> Iterator[Section]:
        data = path.read_bytes()
        head = data[:_DECLARED_WITHIN_BYTES]
        declared = _XML_DECLARED.search(head) or _DECLARED.search(head)
        text = decode(data, declared=declared[1].decode("ascii") if declared else "")
        yield Section(tuple(blocks(html_elements(text))))


class MarkdownParser(WholeFileParser):
    media_types = frozenset({MARKDOWN})

    def sections(self, path: Path) -> Iterator[Section]:
        text = clean(decode(path.read_bytes()))
        yield Section(
            tuple(
                Block(paragraph, is_heading=_MARKDOWN_HEADING.match(paragraph) is not None)
                for paragraph in _PARAGRAPHS.split(text)
            )
        )


class TextParser(WholeFileParser):
    media_types = frozenset({TEXT})

    def sections(self, path: Path) -> Iterator[Section]:
        text = clean(decode(path.read_bytes()))
        yield Section(tuple(Block(paragraph) for paragraph in _PARAGRAPHS.split(text)))


def html_elements(markup: str) -> "list[Element]":
    """What unstructured finds in an HTML document.

    Raises:
        DocumentFault: it can't be read as HTML.
    """
    markup = _XML_DECLARATION.sub("", clean(markup))
    if not markup.strip():
        return []
    try:
        return partition_html(text=markup, languages=NO_LANGUAGE_DETECTION)
    except (etree.LxmlError, ValueError, AttributeError) as error:
        # AttributeError: of the root, which markup without any element lacks.
        raise DocumentFault("The page can't be read.", code="file-broken") from error
