"""The compound file around an HWP 5 document: is it readable, and its streams, unpacked."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

import olefile

from chatbot.contracts.errors import DocumentFault
from ingest_worker.parsers.hwp_distribution import DISTRIBUTION_BYTES, decrypted

_OLD_SIGNATURE: Final = b"HWP Document File V"
"""Begins files of HWP 3 and before, which are no compound files."""
_SIGNATURE: Final = b"HWP Document File"
_HEADER: Final = struct.Struct("<32sII")
"""Signature, version, flags."""
_COMPRESSED: Final = 0x1
_DISTRIBUTION: Final = 0x4
_LOCKED: Final = 0x2 | 0x10 | 0x100 | 0x400
"""A password, rights management, encryption by certificate, the last two together."""
_STREAM_BYTES: Final = 64 * 1024 * 1024
_ALL_BYTES: Final = 256 * 1024 * 1024
_SECTIONS: Final = 2000
_RAW_DEFLATE: Final = -15
_SECTOR_SHIFT_AT: Final = 30
_SECTOR_SHIFT_BYTES: Final = 2
_SECTOR_SHIFTS: Final = frozenset({b"\x09\x00", b"\x0c\x00"})
"""Powers of two; olefile would read sectors of any size at once."""
_DAMAGED: Final = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    struct.error,
)
"""What olefile raises on damaged files, besides errors of its own, which are OSErrors."""


class HwpStorage:
    """Gives the streams of a readable document."""

    def __init__(self, compound: olefile.OleFileIO) -> None:
        self._compound = compound
        self._unpacked = 0
        self._flags = self._read_flags()

    def document_info(self) -> bytes:
        return self._unpack(self._raw("DocInfo"))

    def sections(self) -> Iterator[bytes]:
        """The records of each section.

        Raises:
            DocumentFault: a section is damaged, or they unpack to too much.
        """
        folder = "ViewText" if self._flags & _DISTRIBUTION else "BodyText"
        found = 0
        while self._has(f"{folder}/Section{found}"):
            data = self._raw(f"{folder}/Section{found}")
            yield self._unpack(decrypted(data) if self._flags & _DISTRIBUTION else data)
            found += 1
            if found > _SECTIONS:
                raise DocumentFault("The document has too many sections.", code="too-much-output")
        if not found:
            raise DocumentFault("The document has no text sections.", code="file-broken")

    def _read_flags(self) -> int:
        data = self._raw("FileHeader")
        if len(data) < _HEADER.size or not data.startswith(_SIGNATURE):
            raise DocumentFault("The file is no HWP document.", code="type-unsupported")
        _, _, flags = _HEADER.unpack_from(data)
        if flags & _LOCKED:
            raise DocumentFault("The file needs a password.", code="file-encrypted")
        return int(flags)

    def _has(self, name: str) -> bool:
        with _damage_named():
            return bool(self._compound.exists(name))

    def _raw(self, name: str) -> bytes:
        with _damage_named():
            stream = self._compound.openstream(name)
            return bytes(stream.read(_STREAM_BYTES + DISTRIBUTION_BYTES))

    def _unpack(self, data: bytes) -> bytes:
        if self._flags & _COMPRESSED:
            inflater = zlib.decompressobj(_RAW_DEFLATE)
            try:
                data = inflater.decompress(data, _STREAM_BYTES + 1)
            except zlib.error as error:
                raise DocumentFault("A part of the file is damaged.", code="file-broken") from error
            if len(data) <= _STREAM_BYTES and not inflater.eof:
                raise DocumentFault("A part of the file is cut off.", code="file-broken")
        self._unpacked += len(data)
        if len(data) > _STREAM_BYTES or self._unpacked > _ALL_BYTES:
            raise DocumentFault("The file unpacks to too much.", code="too-much-output")
        return data


@contextmanager
def open_storage(file: BinaryIO) -> Iterator[HwpStorage]:
    """Raises DocumentFault if the file is damaged, locked, or of an older format."""
    if file.read(len(_OLD_SIGNATURE)) == _OLD_SIGNATURE:
        raise DocumentFault(
            "The file was saved by HWP 3 or older. Save it as HWPX or PDF.",
            code="type-unsupported",
        )
    file.seek(_SECTOR_SHIFT_AT)
    if file.read(_SECTOR_SHIFT_BYTES) not in _SECTOR_SHIFTS:
        raise DocumentFault("The document can't be opened.", code="file-broken")
    file.seek(0)
    with _damage_named():
        compound = olefile.OleFileIO(file)
    yield HwpStorage(compound)


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise DocumentFault("The document can't be opened.", code="file-broken") from error
