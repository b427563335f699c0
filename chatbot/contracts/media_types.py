"""The types of documents that can be read, and how their content tells them apart.

A name is believed only among types that look alike: plain text, Markdown and CSV.
"""

import re
from pathlib import PurePath
from typing import Final

PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
TEXT: Final = "text/plain"
CSV: Final = "text/csv"
EMAIL: Final = "message/rfc822"
PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
TIFF: Final = "image/tiff"
WEBP: Final = "image/webp"
GIF: Final = "image/gif"

IMAGES: Final = frozenset({PNG, JPEG, TIFF, WEBP, GIF})

EXTENSIONS: Final[dict[str, tuple[str, ...]]] = {
    PDF: (".pdf",),
    DOCX: (".docx",),
    PPTX: (".pptx",),
    XLSX: (".xlsx",),
    HTML: (".html", ".htm", ".xhtml"),
    MARKDOWN: (".md", ".markdown"),
    TEXT: (".txt", ".text", ".log"),
    CSV: (".csv", ".tsv"),
    EMAIL: (".eml",),
    PNG: (".png",),
    JPEG: (".jpg", ".jpeg"),
    TIFF: (".tif", ".tiff"),
    WEBP: (".webp",),
    GIF: (".gif",),
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
_OOXML_PARTS: Final = (
    (b"word/document", DOCX),
    (b"ppt/presentation", PPTX),
    (b"xl/workbook", XLSX),
)
_OTHER_TEXT_FORMATS: Final = (b"{\\rtf", b"%!PS", b"<?xml")
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
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_ENDING_DECIDES: Final = (MARKDOWN, CSV, HTML, EMAIL)


def detect(*, head: bytes, tail: bytes, name: str) -> str | None:
    """The media type of a file; None if it is none that can be read.

    Args:
        head: its first bytes, `SAMPLE_BYTES` suffice.
        tail: its last bytes, likewise; the table of contents of archives stands there.
        name: what the client calls it.
    """
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return media_type
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    if b"%PDF-" in head[:_PDF_HEADER_WITHIN_BYTES]:
        return PDF
    if head.startswith(b"PK\x03\x04"):
        return next((kind for part, kind in _OOXML_PARTS if part in tail or part in head), None)
    return _text_type(head, name)


def _text_type(head: bytes, name: str) -> str | None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if _HTML.search(start[:_HTML_WITHIN_BYTES]) and start.startswith(b"<"):
        return HTML
    if start.startswith(_OTHER_TEXT_FORMATS) or not _is_text(head):
        return None
    opening = re.split(rb"\r?\n\r?\n", start, maxsplit=1)[0]
    if len({found.lower() for found in _MAIL_HEADERS.findall(opening)}) >= _MAIL_NEEDS_HEADERS:
        return EMAIL
    ending = PurePath(name).suffix.lower()
    return next((kind for kind in _ENDING_DECIDES if ending in EXTENSIONS[kind]), TEXT)


def _is_text(head: bytes) -> bool:
    """UTF-16 has NULs: with a byte order mark, or in every other place where it is ASCII."""
    if head.startswith(_BOMS):
        return True
    pairs = len(head) // 2
    if pairs and max(head[0::2].count(0), head[1::2].count(0)) > pairs * 0.4:
        return min(head[0::2].count(0), head[1::2].count(0)) == 0
    return _BINARY.search(head) is None
