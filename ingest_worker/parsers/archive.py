"""Office files are archives: what they unpack to is known, and limited, before they are opened."""

from typing import BinaryIO, Final
from zipfile import BadZipFile, ZipFile

from chatbot.contracts.errors import DocumentFault

_MEMBERS: Final = 10_000
_UNPACKED_BYTES: Final = 300 * 1024 * 1024
_XML_BYTES: Final = 100 * 1024 * 1024
"""Of a part that is parsed; pictures and films are not."""
_SUSPICIOUS_BYTES: Final = 10 * 1024 * 1024
_RATIO: Final = 200
"""Unpacked to packed, of a part above `_SUSPICIOUS_BYTES`; sheets of numbers reach 50."""
_ENCRYPTED: Final = 0x1


def check_archive(file: BinaryIO) -> None:
    """Raises DocumentFault if the file is no archive, is encrypted, or unpacks to too much."""
    try:
        with ZipFile(file) as archive:
            members = archive.infolist()
    except (BadZipFile, NotImplementedError, ValueError) as error:
        raise DocumentFault("The file is no readable archive.", code="file-broken") from error
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise DocumentFault("The file needs a password.", code="file-encrypted")
    unpacked = sum(member.file_size for member in members)
    if len(members) > _MEMBERS or unpacked > _UNPACKED_BYTES:
        raise DocumentFault("The file unpacks to too much.", code="too-much-output")
    for member in members:
        is_xml = member.filename.endswith((".xml", ".rels"))
        is_dense = member.file_size > member.compress_size * _RATIO
        if (is_xml and member.file_size > _XML_BYTES) or (
            is_dense and member.file_size > _SUSPICIOUS_BYTES
        ):
            raise DocumentFault("A part of the file is too large.", code="too-much-output")
