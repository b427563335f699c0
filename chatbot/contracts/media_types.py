"""The types of documents that can be read, and how their content tells them apart.

A name is believed only among types that look alike: plain text, Markdown and CSV, and compound
files whose directory can't be seen.
"""

import re
from pathlib import PurePath
from typing import Final

PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HWP: Final = "application/x-hwp"
HWPX: Final = "application/hwp+zip"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
TEXT: Final = "text/plain"
CSV: Final = "text/csv"
XML: Final = "application/xml"
RTF: Final = "application/rtf"
EPUB: Final = "application/epub+zip"
ODT: Final = "application/vnd.oasis.opendocument.text"
ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"
ODP: Final = "application/vnd.oasis.opendocument.presentation"
EMAIL: Final = "message/rfc822"
OUTLOOK: Final = "application/vnd.ms-outlook"
PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
TIFF: Final = "image/tiff"
WEBP: Final = "image/webp"
GIF: Final = "image/gif"
BMP: Final = "image/bmp"
HEIC: Final = "image/heic"
"""What telephones make photographs in; HEIF files with pictures of another kind are not read."""

OLD_OFFICE: Final = "application/x-ole-storage"
"""DOC, XLS and PPT of before 2007. Not accepted: it is told apart for the sake of the message."""
ENCRYPTED_OFFICE: Final = "application/x-encrypted-office"
"""Likewise."""
UNREADABLE: Final = frozenset({OLD_OFFICE, ENCRYPTED_OFFICE})

IMAGES: Final = frozenset({PNG, JPEG, TIFF, WEBP, GIF, BMP, HEIC})

EXTENSIONS: Final[dict[str, tuple[str, ...]]] = {
    PDF: (".pdf",),
    DOCX: (".docx", ".docm", ".dotx", ".dotm"),
    PPTX: (".pptx", ".pptm", ".ppsx", ".ppsm", ".potx"),
    XLSX: (".xlsx", ".xlsm", ".xltx", ".xltm"),
    ODT: (".odt", ".ott"),
    ODS: (".ods", ".ots"),
    ODP: (".odp", ".otp"),
    RTF: (".rtf",),
    EPUB: (".epub",),
    HWP: (".hwp",),
    HWPX: (".hwpx",),
    HTML: (".html", ".htm", ".xhtml"),
    MARKDOWN: (".md", ".markdown"),
    XML: (".xml", ".nxml"),
    TEXT: (
        ".txt",
        ".text",
        ".log",
        ".rst",
        ".org",
        ".tex",
        ".adoc",
        ".asciidoc",
        ".vtt",
        ".srt",
        ".json",
        ".jsonl",
        ".ndjson",
        ".yaml",
        ".yml",
        ".toml",
        ".ini",
        ".py",
    ),
    CSV: (".csv", ".tsv", ".tab", ".psv"),
    EMAIL: (".eml", ".mbox"),
    OUTLOOK: (".msg",),
    PNG: (".png",),
    JPEG: (".jpg", ".jpeg"),
    TIFF: (".tif", ".tiff"),
    WEBP: (".webp",),
    GIF: (".gif",),
    BMP: (".bmp", ".dib"),
    HEIC: (".heic", ".heif", ".hif"),
}
"""Every accepted type with the usual endings of its files."""

SAMPLE_BYTES: Final = 64 * 1024
"""How much of the beginning and of the end of a file `detect` wants to see."""

_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
)
_HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis"})
_FTYP_BYTES: Final = 256
"""A file's brands are few."""
_BMP_HEADERS: Final = frozenset({12, 40, 52, 56, 64, 108, 124})
"""How long the second header of a bitmap is, by its age."""
_OOXML_PARTS: Final = (
    (b"word/document", DOCX),
    (b"ppt/presentation", PPTX),
    (b"xl/workbook.xml", XLSX),
)
_NAMED_IN_FIRST_MEMBER: Final = (EPUB, ODT, ODS, ODP)
_OLE_SIGNATURE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_HEADER_BYTES: Final = 512
_OLE_PARTS: Final = (
    ("EncryptedPackage", ENCRYPTED_OFFICE),
    ("HwpSummaryInformation", HWP),
    ("BodyText", HWP),
    ("ViewText", HWP),
    ("__properties_version1.0", OUTLOOK),
    ("WordDocument", OLD_OFFICE),
    ("Workbook", OLD_OFFICE),
    ("PowerPoint Document", OLD_OFFICE),
)
_XML: Final = (b"<?xml", b"<!DOCTYPE")
_MIME: Final = re.compile(rb"mime-version:.*\ncontent-type:\s*(multipart|text)/", re.IGNORECASE)
_RTF: Final = b"{\\rtf"
_POSTSCRIPT: Final = b"%!PS"
_FIRST_MEMBER_BYTES: Final = 256
_HWPX_PARTS: Final = (b"application/hwp+zip", b"Contents/content.hpf")
_PDF_HEADER_WITHIN_BYTES: Final = 1024
_HTML: Final = re.compile(rb"<(!doctype\s+html|html[\s>]|head[\s>]|body[\s>])", re.IGNORECASE)
_HTML_WITHIN_BYTES: Final = 2048
_MAIL_HEADERS: Final = re.compile(
    rb"^(received|return-path|delivered-to|message-id|mime-version|from|to|subject|date"
    rb"|content-type|x-[a-z-]+):",
    re.IGNORECASE | re.MULTILINE,
)
_MAIL_NEEDS_HEADERS: Final = 3
_BOMS: Final = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")
_ISO_2022_KR: Final = b"\x1b$)C"
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_ENDING_DECIDES: Final = (MARKDOWN, CSV, HTML, EMAIL)


def directory_place(head: bytes) -> int | None:
    """Where the names of a compound file's parts begin; None if it is no such file."""
    if not head.startswith(_OLE_SIGNATURE) or len(head) < _OLE_HEADER_BYTES:
        return None
    sector_bytes = 1 << min(int.from_bytes(head[30:32], "little"), 12)
    return (int.from_bytes(head[48:52], "little") + 1) * sector_bytes


def detect(*, head: bytes, tail: bytes, name: str, directory: bytes = b"") -> str | None:
    """The media type of a file; None if it is none that is known, perhaps one of `UNREADABLE`.

    Args:
        head: its first bytes, `SAMPLE_BYTES` suffice.
        tail: its last bytes, likewise; the table of contents of archives stands there.
        name: what the client calls it.
        directory: its bytes from `directory_place` on, if it has one; `SAMPLE_BYTES` suffice.
    """
    if image := _image_type(head):
        return image
    if b"%PDF-" in head[:_PDF_HEADER_WITHIN_BYTES]:
        return PDF
    if head.startswith(b"PK\x03\x04"):
        return _archive_type(head, tail)
    if head.startswith(_OLE_SIGNATURE):
        return _compound_type(head + tail + directory, name)
    return _text_type(head, name)


def _image_type(head: bytes) -> str | None:
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return media_type
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    if _is_heic(head):
        return HEIC
    return BMP if _is_bmp(head) else None


def _is_heic(head: bytes) -> bool:
    """One of the brands in the box `ftyp`, which says what is in the file."""
    if head[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(head[:4], "big"), _FTYP_BYTES)
    brands = {head[8:12], *(head[place : place + 4] for place in range(16, end, 4))}
    return not brands.isdisjoint(_HEIC_BRANDS)


def _is_bmp(head: bytes) -> bool:
    """Two letters that texts begin with, too, and then a length that no text has there."""
    return head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS


def _archive_type(head: bytes, tail: bytes) -> str | None:
    for kind in _NAMED_IN_FIRST_MEMBER:
        if b"mimetype" + kind.encode() in head[:_FIRST_MEMBER_BYTES]:
            return kind
    if any(part in tail or part in head for part in _HWPX_PARTS):
        return HWPX
    return next((kind for part, kind in _OOXML_PARTS if part in tail or part in head), None)


def _compound_type(content: bytes, name: str) -> str | None:
    for part, kind in _OLE_PARTS:
        if part.encode("utf-16-le") in content:
            return kind
    # The directory of a large file may stand in its middle; then the name decides.
    ending = PurePath(name).suffix.lower()
    return next((kind for kind in (OUTLOOK, HWP) if ending in EXTENSIONS[kind]), None)


def _text_type(head: bytes, name: str) -> str | None:
    start = _narrow(head).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(_RTF):
        return RTF
    if _HTML.search(start[:_HTML_WITHIN_BYTES]) and start.startswith(b"<"):
        return HTML
    if _is_mail(start):
        return EMAIL
    if start.startswith(_POSTSCRIPT) or not _is_text(head):
        return None
    ending = PurePath(name).suffix.lower()
    if start.startswith(_XML) or (start.startswith(b"<") and ending in EXTENSIONS[XML]):
        return XML
    return next((kind for kind in _ENDING_DECIDES if ending in EXTENSIONS[kind]), TEXT)


def _narrow(head: bytes) -> bytes:
    """ASCII as single bytes, also of a file in UTF-16."""
    return head.replace(b"\x00", b"")[2:] if head.startswith(_BOMS[:2]) else head


def _is_mail(start: bytes) -> bool:
    """Bodies may hold any bytes, headers may not."""
    opening = re.split(rb"\r?\n\r?\n", start, maxsplit=1)[0]
    if _BINARY.search(opening):
        return False
    headers = {found.lower() for found in _MAIL_HEADERS.findall(opening)}
    return len(headers) >= _MAIL_NEEDS_HEADERS or _MIME.match(opening) is not None


def _is_text(head: bytes) -> bool:
    """UTF-16 has NULs: with a byte order mark, or in every other place where it is ASCII.

    Korean for mail servers (ISO-2022-KR) has controls, and says so in its first bytes.
    """
    if head.startswith((*_BOMS, _ISO_2022_KR)):
        return True
    pairs = len(head) // 2
    if pairs and max(head[0::2].count(0), head[1::2].count(0)) > pairs * 0.4:
        return min(head[0::2].count(0), head[1::2].count(0)) == 0
    return _BINARY.search(head) is None
