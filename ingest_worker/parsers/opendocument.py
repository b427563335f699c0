"""ODT, ODS and ODP: OpenDocument text, sheets and slides."""

from collections.abc import Iterator
from typing import BinaryIO, Final
from zipfile import ZipFile

from lxml import etree

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import ODP, ODS, ODT
from ingest_worker.parsers.archive import check_archive
from ingest_worker.parsers.opendocument_blocks import Reader, hidden_styles
from ingest_worker.parsers.parts import Block, Section
from ingest_worker.parsers.trees import attribute, local, member_tree
from ingest_worker.parsers.whole import WholeFileParser

_CONTENT: Final = "content.xml"
_STYLES: Final = "styles.xml"
_MANIFEST: Final = "META-INF/manifest.xml"
_MASTER_TEXT: Final = frozenset({"header", "footer"})


class OpenDocumentParser(WholeFileParser):
    """Sheets and slides are pages, called by their names."""

    media_types = frozenset({ODT, ODS, ODP})

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - told by the content
        check_archive(file)
        with ZipFile(file) as archive:
            manifest = member_tree(archive, _MANIFEST)
            if manifest is not None and any(
                local(one) == "encryption-data" for one in manifest.iter()
            ):
                raise DocumentFault("The document needs a password.", code="file-encrypted")
            content = member_tree(archive, _CONTENT)
            styles = member_tree(archive, _STYLES)
        body = (
            None
            if content is None
            else next((one for one in content.iter() if local(one) == "body"), None)
        )
        if content is None or body is None:
            raise DocumentFault("The document has no contents.", code="file-broken")
        hidden = hidden_styles(content) | (set() if styles is None else hidden_styles(styles))
        for part in body:
            yield from _sections(part, styles, frozenset(hidden))


def _sections(
    part: etree._Element, styles: etree._Element | None, hidden: frozenset[str]
) -> Iterator[Section]:
    kind = local(part)
    if kind not in {"spreadsheet", "presentation", "drawing"}:
        reader = Reader(hidden)
        reader.read(part)
        yield Section((*reader.end(), *_headers(styles, hidden)))
        return
    for page in part:
        name = " ".join(attribute(page, "name").split())
        is_hidden = attribute(page, "style-name") in hidden
        if local(page) in {"table", "page"} and not is_hidden:
            reader = Reader(hidden)
            reader.read(page)
            title = (Block(f"## {name}", is_heading=True),) if kind == "spreadsheet" else ()
            yield Section((*title, *reader.end()), label=name)


def _headers(styles: etree._Element | None, hidden: frozenset[str]) -> list[Block]:
    """Headers and footers, once."""
    reader = Reader(hidden)
    for element in () if styles is None else styles.iter():
        if local(element) in _MASTER_TEXT and local(element.getparent()) == "master-page":
            reader.read(element)
    return list(dict.fromkeys(reader.end()))
