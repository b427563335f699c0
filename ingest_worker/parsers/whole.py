"""The base of parsers whose format can only be counted by reading all of it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from io import BytesIO
from typing import BinaryIO, ClassVar

from chatbot.contracts.errors import DocumentFault
from ingest_worker.parsers.parts import Section, parts
from ingest_worker.parsers.protocol import PageText, Plan, Source


class WholeFileParser(ABC):
    """A Parser: sections of the file are its pages, cut where they are long."""

    media_types: ClassVar[AbstractSet[str]]

    @abstractmethod
    def sections(self, file: BinaryIO, media_type: str) -> Iterable[Section]:
        """What the file holds.

        Raises:
            DocumentFault: the file can't be read.
        """

    def open_file(self, path: Source, media_type: str, *, pages_limit: int) -> Plan:
        pages = self._pages(path, media_type)
        if len(pages) > pages_limit:
            raise DocumentFault(
                f"The text fills {len(pages)} pages; the limit is {pages_limit}.",
                code="too-many-pages",
            )
        return Plan(media_type, tuple(page.label for page in pages), pages)

    def read_pages(self, path: Source, media_type: str, first: int, last: int) -> list[PageText]:
        return [page for page in self._pages(path, media_type) if first <= page.number <= last]

    def _pages(self, path: Source, media_type: str) -> tuple[PageText, ...]:
        if isinstance(path, BytesIO):
            return parts(self.sections(path, media_type))
        with path.open("rb") as file:
            return parts(self.sections(file, media_type))
