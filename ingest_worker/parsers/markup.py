"""HTML as it is shown; Markdown and plain text as they stand."""

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from chatbot.contracts.media_types import HTML, MARKDOWN, TEXT
from ingest_worker.parsers.encoding import clean, decode
from ingest_worker.parsers.html_blocks import html_blocks
from ingest_worker.parsers.parts import Block, Section
from ingest_worker.parsers.whole import WholeFileParser

_DECLARED: Final = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_XML_DECLARED: Final = re.compile(rb"^\s*<\?xml[^>]+encoding\s*=\s*[\"']([\w.:-]+)")
_DECLARED_WITHIN_BYTES: Final = 4096
_PARAGRAPHS: Final = re.compile(r"\n[ \t]*\n+")
_MARKDOWN_HEADING: Final = re.compile(r"^#{1,6} .", re.MULTILINE)


class HtmlParser(WholeFileParser):
    media_types = frozenset({HTML})

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        yield Section(tuple(html_blocks(decode_markup(file.read()))))


class MarkdownParser(WholeFileParser):
    media_types = frozenset({MARKDOWN})

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        text = clean(decode(file.read()))
        yield Section(
            tuple(
                Block(paragraph, is_heading=_MARKDOWN_HEADING.match(paragraph) is not None)
                for paragraph in _PARAGRAPHS.split(text)
            )
        )


class TextParser(WholeFileParser):
    media_types = frozenset({TEXT})

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        text = clean(decode(file.read()))
        yield Section(tuple(Block(paragraph) for paragraph in _PARAGRAPHS.split(text)))


def decode_markup(data: bytes, declared: str = "") -> str:
    """The text of an HTML or XML file, in the encoding that it names if it fits."""
    head = data[:_DECLARED_WITHIN_BYTES]
    found = _XML_DECLARED.search(head) or _DECLARED.search(head)
    return decode(data, declared=declared or (found[1].decode("ascii", "ignore") if found else ""))
