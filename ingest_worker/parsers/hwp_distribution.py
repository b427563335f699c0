"""Sections of documents made "for distribution": scrambled with a key that stands before them.

Everyone who has the file may read it; what its author forbids is printing and copying. As
described in Hancom's "HWP document file format 5.0, revision 1.2", on distribution documents.
"""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from chatbot.contracts.errors import DocumentFault

_RECORD_HEADER_BYTES: Final = 4
_KEY_RECORD_BYTES: Final = 256
DISTRIBUTION_BYTES: Final = _RECORD_HEADER_BYTES + _KEY_RECORD_BYTES
"""Stand before the encrypted stream."""
_SEED: Final = struct.Struct("<I")
_KEY_BYTES: Final = 16
_BLOCK_BYTES: Final = 16


def decrypted(data: bytes) -> bytes:
    """The stream as it was before it was scrambled, still compressed.

    Raises:
        DocumentFault: the key is missing.
    """
    if len(data) < DISTRIBUTION_BYTES + _BLOCK_BYTES:
        raise DocumentFault("The document's key is missing.", code="file-broken")
    key = _key(data[_RECORD_HEADER_BYTES:DISTRIBUTION_BYTES])
    body = data[DISTRIBUTION_BYTES:]
    whole = len(body) - len(body) % _BLOCK_BYTES
    # The format asks for ECB; nothing is kept secret here.
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()  # noqa: S305
    return decryptor.update(body[:whole]) + decryptor.finalize()


def _key(record: bytes) -> bytes:
    """Unmasks the record; where in it the key stands depends on its seed."""
    (seed,) = _SEED.unpack_from(record)
    mask = islice(_mask(seed), len(record))
    plain = bytes(byte ^ masking for byte, masking in zip(record, mask, strict=True))
    start = _SEED.size + (seed & 0xF)
    return plain[start : start + _KEY_BYTES]


def _mask(seed: int) -> Iterator[int]:
    """Bytes in runs of one to sixteen."""
    numbers = _numbers(seed)
    while True:
        value = next(numbers) & 0xFF
        for _ in range((next(numbers) & 0xF) + 1):
            yield value


def _numbers(seed: int) -> Iterator[int]:
    """The linear congruential generator of Microsoft's C runtime."""
    while True:
        seed = (seed * 214013 + 2531011) & 0xFFFFFFFF
        yield (seed >> 16) & 0x7FFF
