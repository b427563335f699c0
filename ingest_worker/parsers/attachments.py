"""What is attached to a mail is read like a file of its own, within bounds over all of them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import IMAGES, SAMPLE_BYTES, detect, directory_place
from ingest_worker.parsers.parts import Block, Section
from ingest_worker.parsers.protocol import PageText, Parser
from ingest_worker.parsers.whole import WholeFileParser

_DEEPEST: Final = 3
"""Mails in mails."""
_FILES: Final = 100
_BYTES: Final = 100 * 1024 * 1024
_PAGES: Final = 500
"""Of one attachment."""


class Attachments:
    """Reads them by the parsers that there are. Pictures, scans and broken files are only named."""

    def __init__(self, parser_for: Callable[[str], Parser]) -> None:
        self._parser_for = parser_for
        self._depth = 0
        self._files = 0
        self._bytes = 0

    @contextmanager
    def of_one_mail(self) -> Iterator[None]:
        """Around the reading of a mail; bounds hold for the outermost one."""
        if not self._depth:
            self._files = self._bytes = 0
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def of_files(self, files: Iterable[tuple[str, bytes]]) -> tuple[Block, list[Section]]:
        """The list of a mail's attachments, which says what wasn't read, and their text."""
        lines: list[str] = []
        found: list[Section] = []
        for name, data in files:
            sections = self._sections(name, data)
            lines.append(f"Attachment: {name}" if sections else f"Attachment: {name} (not read)")
            found += sections
        return Block("\n".join(lines)), found

    def _sections(self, name: str, data: bytes) -> list[Section]:
        """The text of an attachment, each section called by its name."""
        self._files += 1
        self._bytes += len(data)
        if self._depth > _DEEPEST or self._files > _FILES or self._bytes > _BYTES:
            return []
        place = directory_place(data)
        media_type = detect(
            head=data[:SAMPLE_BYTES],
            tail=data[-SAMPLE_BYTES:],
            name=name,
            directory=b"" if place is None else data[place : place + SAMPLE_BYTES],
        )
        if not data or media_type is None or media_type in IMAGES:
            return []
        try:
            found = self._read(data, media_type)
        except DocumentFault:
            return []
        return [Section(one.blocks, f"{name}: {one.label}" if one.label else name) for one in found]

    def _read(self, data: bytes, media_type: str) -> list[Section]:
        parser = self._parser_for(media_type)
        if isinstance(parser, WholeFileParser):
            return list(parser.sections(BytesIO(data), media_type))
        plan = parser.open_file(BytesIO(data), media_type, pages_limit=_PAGES)
        pages = plan.pages or parser.read_pages(BytesIO(data), media_type, 1, plan.page_count)
        return [_section(page) for page in pages if page.text.strip()]


def _section(page: PageText) -> Section:
    return Section((Block(page.text),), page.label or f"page {page.number}")
