"""HWPX: the documents of Hancom's word processor as an archive of XML (KS X 6101)."""

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final
from zipfile import BadZipFile, ZipFile

from lxml import etree

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import HWPX
from ingest_worker.parsers.archive import check_archive
from ingest_worker.parsers.flow import FlowWriter
from ingest_worker.parsers.hwp_numbers import Numbers, number_shape
from ingest_worker.parsers.hwpx_text import Head, HwpxReader, identity, local
from ingest_worker.parsers.parts import Section
from ingest_worker.parsers.whole import WholeFileParser

_SECTION: Final = re.compile(r"Contents/section(\d{1,6})\.xml", re.IGNORECASE)
_HEADER: Final = "Contents/header.xml"
_MANIFEST: Final = "META-INF/manifest.xml"
_SECTIONS: Final = 2000
_ALL_BYTES: Final = 256 * 1024 * 1024
"""Of sections: names in the archive can point at the same bytes."""
_DAMAGED: Final = (
    BadZipFile,
    NotImplementedError,
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
    zlib.error,
)


class HwpxParser(WholeFileParser):
    """Sections of the document, cut where they are long; what it hides isn't read."""

    media_types = frozenset({HWPX})

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        check_archive(file)
        with _open(file) as archive:
            names = set(archive.namelist())
            if _MANIFEST in names and _is_encrypted(_tree(archive, _MANIFEST)):
                raise DocumentFault("The file needs a password.", code="file-encrypted")
            header = _tree(archive, _HEADER) if _HEADER in names else None
            reader = (
                HwpxReader({}, Numbers({}))
                if header is None
                else HwpxReader(_heads(header), _numbers(header))
            )
            writer = FlowWriter()
            for name in _section_names(archive):
                paragraphs = reader.section(_tree(archive, name))
                yield Section(tuple(writer.blocks(paragraphs)))


def _open(file: BinaryIO) -> ZipFile:
    try:
        return ZipFile(file)
    except _DAMAGED as error:
        raise DocumentFault("The document can't be opened.", code="file-broken") from error


def _section_names(archive: ZipFile) -> list[str]:
    found = {
        match[0]: (int(match[1]), member.file_size)
        for member in archive.infolist()
        if (match := _SECTION.fullmatch(member.filename))
    }
    if not found:
        raise DocumentFault("The document has no text sections.", code="file-broken")
    if len(found) > _SECTIONS or sum(size for _, size in found.values()) > _ALL_BYTES:
        raise DocumentFault("The document has too many sections.", code="too-much-output")
    return sorted(found, key=lambda name: found[name])


def _tree(archive: ZipFile, name: str) -> etree._Element:
    """The root of a part.

    Raises:
        DocumentFault: it is damaged, or has a document type, which could name other files.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(archive.read(name), parser)
    except (*_DAMAGED, etree.LxmlError) as error:
        raise DocumentFault("A part of the file is damaged.", code="file-broken") from error
    if root.getroottree().docinfo.doctype:
        raise DocumentFault("A part of the file has a document type.", code="file-broken")
    return root


def _is_encrypted(manifest: etree._Element) -> bool:
    return any(local(element) == "encryption-data" for element in manifest.iter())


def _heads(header: etree._Element) -> dict[str, Head]:
    """How paragraphs of each shape begin, by the shape's id."""
    found = {}
    for shape in _named(header.iter(), "paraPr"):
        for heading in _named(shape.iter(), "heading"):
            level = heading.get("level", "0")
            found[shape.get("id", "")] = Head(
                heading.get("type", "NONE"), identity(level), identity(heading.get("idRef"))
            )
    return found


def _numbers(header: etree._Element) -> Numbers:
    """How numbers of each id look, level by level."""
    found = {}
    for numbering in _named(header.iter(), "numbering"):
        found[identity(numbering.get("id"))] = [
            number_shape(
                head.text or "",
                head.get("numFormat", ""),
                identity(head.get("start", "1")),
            )
            for head in _named(numbering, "paraHead")
        ]
    return Numbers(found)


def _named(elements: Iterable[etree._Element], name: str) -> Iterator[etree._Element]:
    return (element for element in elements if local(element) == name)
