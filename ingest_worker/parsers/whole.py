"""The base of parsers whose format can only be counted by reading all of it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import ClassVar

from chatbot.contracts.errors import DocumentFault
from ingest_worker.parsers.parts import Section, parts
from ingest_worker.parsers.protocol import PageText, Plan


class WholeFileParser(ABC):
    """A Parser: sections of the file are its pages, cut where they are long."""

    media_types: ClassVar[AbstractSet[str]]

    @abstractmethod
    def sections(self, path: Path) -> Iterable[Section]:
        """What the file holds.

        Raises:
            DocumentFault: the file can't be read.
        """

    def open_file(self, path: Path, media_type: str, *, pages_limit: int) -> Plan:
        pages = parts(self.sections(path))
        if len(pages) > pages_limit:
            raise DocumentFault(
                f"The text fills {len(pages)} pages; the limit is {pages_limit}.",
                code="too-many-pages",
            )
        return Plan(media_type, tuple(page.label for page in pages), pages)

    def read_pages(self, path: Path, media_type: str, first: int, last: int) -> list[PageText]:  # noqa: ARG002 - one family of types
        return [page for page in parts(self.sections(path)) if first <= page.number <= last]
