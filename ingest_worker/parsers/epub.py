"""EPUB: the chapters of the book in reading order, each a section."""

import posixpath
from collections.abc import Iterator
from typing import BinaryIO, Final
from urllib.parse import unquote
from zipfile import ZipFile

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import EPUB
from ingest_worker.parsers.archive import check_archive
from ingest_worker.parsers.html_blocks import html_blocks
from ingest_worker.parsers.markup import decode_markup
from ingest_worker.parsers.parts import Section
from ingest_worker.parsers.trees import attribute, local, member_bytes, member_tree
from ingest_worker.parsers.whole import WholeFileParser

_CONTAINER: Final = "META-INF/container.xml"
_RIGHTS: Final = "META-INF/rights.xml"
_CHAPTERS: Final = 2000
_PAGES: Final = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


class EpubParser(WholeFileParser):
    media_types = frozenset({EPUB})

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        check_archive(file)
        with ZipFile(file) as archive:
            if _RIGHTS in archive.namelist():
                raise DocumentFault("The book is locked.", code="file-encrypted")
            for name in _chapters(archive):
                if data := member_bytes(archive, name):
                    yield Section(tuple(html_blocks(decode_markup(data))))


def _chapters(archive: ZipFile) -> list[str]:
    """Names of the pages, in the order of the spine."""
    container = member_tree(archive, _CONTAINER)
    roots = (
        [] if container is None else [one for one in container.iter() if local(one) == "rootfile"]
    )
    book = unquote(attribute(roots[0], "full-path")) if roots else ""
    package = member_tree(archive, book) if book else None
    if package is None:
        raise DocumentFault("The book has no table of its parts.", code="file-broken")
    items = {attribute(one, "id"): one for one in package.iter() if local(one) == "item"}
    found = []
    for reference in package.iter():
        item = items.get(attribute(reference, "idref")) if local(reference) == "itemref" else None
        if item is not None and attribute(item, "media-type") in _PAGES:
            href = unquote(attribute(item, "href"))
            found.append(posixpath.normpath(posixpath.join(posixpath.dirname(book), href)))
    return found[:_CHAPTERS]
