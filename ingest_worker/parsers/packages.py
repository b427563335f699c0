"""Office packages as the libraries want them: templates, macro files and strict ones included.

Macros are never run: they stay in parts that nobody opens.
"""

import re
from io import BytesIO
from typing import BinaryIO, Final
from zipfile import ZIP_STORED, ZipFile

from ingest_worker.parsers.archive import check_archive
from ingest_worker.parsers.trees import member_bytes

_TYPES_PART: Final = "[Content_Types].xml"
_RELATIONS: Final = "_rels/.rels"
_WORD: Final = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_SLIDES: Final = (
    b"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
)
_SHEETS: Final = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_KINDS: Final = (
    (
        re.compile(
            rb"application/vnd\.[\w.-]*word[\w.-]*\.(?:document|template)[\w.]*\+xml", re.IGNORECASE
        ),
        _WORD,
    ),
    (
        re.compile(
            rb"application/vnd\.[\w.-]*(?:powerpoint|presentationml)\."
            rb"(?:presentation|template|slideshow)[\w.]*\+xml",
            re.IGNORECASE,
        ),
        _SLIDES,
    ),
    (
        re.compile(
            rb"application/vnd\.[\w.-]*(?:excel|spreadsheetml)\.(?:sheet|template)[\w.]*\+xml",
            re.IGNORECASE,
        ),
        _SHEETS,
    ),
)
_STRICT: Final = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_TRANSITIONAL: Final = rb"http://schemas.openxmlformats.org/\1/2006/\2"


def plain_package(file: BinaryIO) -> BinaryIO:
    """The file itself where it is a usual document, otherwise a copy that is called one.

    Raises:
        DocumentFault: the file is no archive, is encrypted, or unpacks to too much.
    """
    check_archive(file)
    file.seek(0)
    with ZipFile(file) as archive:
        types = member_bytes(archive, _TYPES_PART) or b""
        plain = types
        for pattern, kind in _KINDS:
            plain = pattern.sub(kind, plain)
        is_strict = _STRICT.search(member_bytes(archive, _RELATIONS) or b"") is not None
        if plain != types or is_strict:
            return _copy(archive, plain, is_strict=is_strict)
    file.seek(0)
    return file


def _copy(archive: ZipFile, types: bytes, *, is_strict: bool) -> BinaryIO:
    copy = BytesIO()
    with ZipFile(copy, "w", ZIP_STORED) as plain:
        for member in archive.infolist():
            data = member_bytes(archive, member.filename) or b""
            if member.filename == _TYPES_PART:
                data = types
            if is_strict and member.filename.endswith((".xml", ".rels")):
                data = _STRICT.sub(_TRANSITIONAL, data)
            plain.writestr(member.filename, data)
    copy.seek(0)
    return copy
