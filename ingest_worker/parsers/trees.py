"""XML of others: no entities, no document types, no network, no trees of any depth."""

import lzma
import re
import zlib
from typing import Final
from zipfile import BadZipFile, ZipFile

from lxml import etree

from chatbot.contracts.errors import DocumentFault

_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]*\?>\s*")
_ENTITIES: Final = re.compile(rb"<!(ENTITY|\x00E\x00N\x00T\x00I\x00T\x00Y)")
_ENTITIES_WITHIN_BYTES: Final = 64 * 1024
DAMAGED: Final = (
    BadZipFile,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
)
"""What reading a part of an archive raises that is cut off or changed."""


def xml_tree(data: bytes) -> etree._Element:
    """The root of an XML document.

    Raises:
        DocumentFault: it is no XML, or declares entities.
    """
    if _ENTITIES.search(data[:_ENTITIES_WITHIN_BYTES]):
        raise DocumentFault("The file declares entities.", code="file-broken")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError) as error:
        raise DocumentFault("A part of the file is no XML.", code="file-broken") from error
    return root


def without_declaration(text: str) -> str:
    """XML without its first line, which names the encoding that it had as bytes."""
    return _DECLARATION.sub("", text)


def member_tree(archive: ZipFile, name: str) -> etree._Element | None:
    """The root of a part of an archive; None if there is no such part.

    Raises:
        DocumentFault: the part is damaged, no XML, or declares entities.
    """
    data = member_bytes(archive, name)
    return None if data is None else xml_tree(data)


def member_bytes(archive: ZipFile, name: str) -> bytes | None:
    """A part of an archive; None if there is no such part.

    Raises:
        DocumentFault: the part is damaged.
    """
    try:
        return archive.read(name)
    except KeyError:
        return None
    except DAMAGED as error:
        raise DocumentFault("A part of the file is damaged.", code="file-broken") from error


def local(element: etree._Element) -> str:
    """The name without its namespace; empty for comments and the like."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: etree._Element, name: str) -> str:
    """The value of the first attribute of this name, whatever its namespace; empty if absent."""
    for key, value in element.attrib.items():
        if str(key).rpartition("}")[2] == name:
            return str(value)
    return ""
