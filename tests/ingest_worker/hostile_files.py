"""Hostile files, made when they are needed: none of them is stored anywhere."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

_DATA = Path(__file__).resolve().parents[1] / "data"
_DOCX = _DATA / "english.docx"
_DOCUMENT = "word/document.xml"
_PAGES = 200_000
_DEPTH = 100_000
_MEGABYTE = 1024 * 1024


def archive_bomb() -> bytes:
    """A Word file of some kilobytes with a part of 400 MB."""
    return _docx(extra={"word/media/image9.png": bytes(400 * _MEGABYTE)})


def xml_bomb() -> bytes:
    """A Word file whose text is 90 MB of one letter."""
    return _docx(document=_word(b"<w:p><w:r><w:t>" + b"a" * 90 * _MEGABYTE + b"</w:t></w:r></w:p>"))


def entity_bomb() -> bytes:
    """Ten entities, each of which is ten times the one before."""
    entities = b'<!ENTITY e0 "lol">' + b"".join(
        b'<!ENTITY e%d "%s">' % (level, b"&e%d;" % (level - 1) * 10) for level in range(1, 11)
    )
    return _docx(document=_word(b"<w:p><w:r><w:t>&e10;</w:t></w:r></w:p>", entities))


def entity_of_a_file() -> bytes:
    """An entity that stands for the list of users of this machine."""
    return _docx(
        document=_word(
            b"<w:p><w:r><w:t>before &users; after</w:t></w:r></w:p>",
            b'<!ENTITY users SYSTEM "file:///etc/passwd">',
        )
    )


def deep_xml() -> bytes:
    return _docx(document=_word(b"<w:sdt>" * _DEPTH + b"</w:sdt>" * _DEPTH))


def deep_html() -> bytes:
    return b"<!doctype html><body>" + b"<div>" * _DEPTH + b"deep"


def escaping_archive(folder: Path) -> bytes:
    """A Word file with members that would be unpacked into `folder`."""
    names = (f"../../../../../../../..{folder}/escaped", f"{folder}/escaped")
    return _docx(extra=dict.fromkeys(names, b"escaped"))


def nested_archives() -> bytes:
    content = bytes(_MEGABYTE)
    for level in range(6):
        content = _zip({f"{level}-{copy}.zip": content for copy in range(8)})
    return content


def file_with_macros() -> bytes:
    return _docx(extra={"word/vbaProject.bin": b"\xd0\xcf\x11\xe0" + b"Shell" * 1000})


def endless_pages() -> bytes:
    """A PDF of 200,000 pages, all of them the same one."""
    pages = b"3 0 R " * _PAGES
    return _pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (_PAGES, pages),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>",
    )


def deep_pdf() -> bytes:
    return _pdf(
        b"<</Type/Catalog/Pages 2 0 R/Deep %s%s>>" % (b"[" * _DEPTH, b"]" * _DEPTH),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>",
    )


def page_in_itself() -> bytes:
    """A tree of pages that is its own branch."""
    return _pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 5/Kids[2 0 R 2 0 R]>>")


def content_bomb() -> bytes:
    """A PDF whose page is 300 MB of drawing, packed twice."""
    packed = zlib.compress(zlib.compress(b"0 0 m 1 1 l S " * (300 * _MEGABYTE // 14), 9), 9)
    stream = b"<</Length %d/Filter[/FlateDecode/FlateDecode]>>stream\n%s\nendstream"
    return _pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R>>",
        stream % (len(packed), packed),
    )


def picture_bomb() -> bytes:
    """A PNG that says it is 60,000 pixels wide and high."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(_MEGABYTE))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def endless_mail() -> bytes:
    """Parts in parts, a thousand deep."""
    head = b"From: a@example.com\r\nTo: b@example.com\r\nSubject: deep\r\nMIME-Version: 1.0\r\n"
    opened = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(1000)
    )
    return head + opened + b"Content-Type: text/plain\r\n\r\ninnermost\r\n"


def _word(body: bytes, entities: bytes = b"") -> bytes:
    kind = b"<!DOCTYPE w:document [" + entities + b"]>" if entities else b""
    space = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    opened = b'<w:document xmlns:w="%s"><w:body>' % space
    return b'<?xml version="1.0"?>' + kind + opened + body + b"</w:body></w:document>"


def _docx(*, document: bytes | None = None, extra: dict[str, bytes] | None = None) -> bytes:
    with zipfile.ZipFile(_DOCX) as original:
        members = {name: original.read(name) for name in original.namelist()}
    if document is not None:
        members[_DOCUMENT] = document
    return _zip({**members, **(extra or {})})


def _zip(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _pdf(*objects: bytes) -> bytes:
    found = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(found))
        found += b"%d 0 obj %s endobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(found)
    found += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    found += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)
    return bytes(found)
