"""HWP 5 documents made record by record, in the smallest compound file that holds them."""

import struct
import zlib
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SECTOR = 512
SMALLEST_STREAM = 4096
"""Bytes; shorter streams would have to stand in a stream of their own."""
END, FREE, FAT, NOTHING = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFFFF
COMPRESSED, DISTRIBUTION = 1, 4
NUMBERING = 0x17
SHAPE, PARAGRAPH, TEXT, CONTROL, LIST, TABLE, EQUATION = 0x19, 0x42, 0x43, 0x47, 0x48, 0x4D, 0x58


def record(tag: int, level: int, data: bytes = b"") -> bytes:
    if len(data) < 0xFFF:
        return struct.pack("<I", tag | level << 10 | len(data) << 20) + data
    return struct.pack("<II", tag | level << 10 | 0xFFF << 20, len(data)) + data


def paragraph(level: int, text: str = "", *controls: str, shape: int = 0) -> bytes:
    """A paragraph's records; controls are marked behind its text, by their names."""
    marks = b"".join(control_mark(name) for name in controls)
    header = struct.pack("<IIH", 0, 0, shape).ljust(24, b"\x00")
    return record(PARAGRAPH, level, header) + record(
        TEXT, level + 1, text.encode("utf-16-le") + marks + b"\r\x00"
    )


def control_mark(name: str) -> bytes:
    return struct.pack("<H", 11) + control_name(name) + bytes(8) + struct.pack("<H", 11)


def control_name(name: str) -> bytes:
    return name.ljust(4).encode()[::-1]


def cell(level: int, row: int, column: int, text: str) -> bytes:
    place = struct.pack("<8xHHHH", column, row, 1, 1)
    return record(LIST, level, place) + paragraph(level, text)


def table(level: int, *rows: list[str]) -> bytes:
    cells = b"".join(
        cell(level + 1, row, column, text)
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
    )
    return record(CONTROL, level, control_name("tbl")) + record(TABLE, level + 1) + cells


def outline_shape(level: int) -> bytes:
    return record(SHAPE, 1, struct.pack("<I", 1 << 23 | level << 25))


def numbered_shape(level: int, numbers: int) -> bytes:
    return record(SHAPE, 1, struct.pack("<I26xH", 2 << 23 | level << 25, numbers))


def numbering(*levels: tuple[str, int]) -> bytes:
    """How numbers of each level look: text and code of the kind; all begin with 1."""
    heads = b"".join(
        struct.pack("<I8xH", kind << 5, len(text)) + text.encode("utf-16-le")
        for text, kind in levels
    )
    return record(NUMBERING, 1, heads)


def section_control(level: int, outline: int) -> bytes:
    """Names the numbering of the section's outline."""
    data = control_name("secd") + struct.pack("<14xH", outline)
    return record(CONTROL, level, data)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def hwp(path: Path, *sections: bytes, info: bytes = b"", flags: int = COMPRESSED) -> Path:
    """A document of sections given as records."""
    folder = "ViewText" if flags & DISTRIBUTION else "BodyText"
    packed = [deflated(section) for section in sections]
    if flags & DISTRIBUTION:
        packed = [scrambled(section) for section in packed]
    return compound_hwp(path, packed, info=deflated(info), flags=flags, folder=folder)


def compound_hwp(
    path: Path, sections: list[bytes], *, info: bytes, flags: int, folder: str = "BodyText"
) -> Path:
    header = struct.pack("<32sII", b"HWP Document File", 0x05010000, flags)
    streams = [("FileHeader", header), ("DocInfo", info)]
    streams += [(f"Section{number}", data) for number, data in enumerate(sections)]
    path.write_bytes(_compound(streams, folder))
    return path


def scrambled(data: bytes, seed: int = 0x2B) -> bytes:
    """A section as documents for distribution have it; the key is sixteen letters."""
    key = b"0123456789abcdef"
    plain = bytearray(256)
    start = 4 + (seed & 0xF)
    plain[start : start + len(key)] = key
    masked = bytearray(struct.pack("<I", seed))
    state, mask, left = seed, 0, 0
    for index in range(256):
        if not left:
            state = (state * 214013 + 2531011) & 0xFFFFFFFF
            mask = state >> 16 & 0xFF
            state = (state * 214013 + 2531011) & 0xFFFFFFFF
            left = (state >> 16 & 0xF) + 1
        if index >= 4:
            masked.append(plain[index] ^ mask)
        left -= 1
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - the format's
    body = encryptor.update(data + bytes(-len(data) % 16))
    return record(0x1C, 0, bytes(masked)) + body


def _compound(streams: list[tuple[str, bytes]], folder: str) -> bytes:
    """One list of sectors: streams, then the directory, then the table of sectors."""
    sectors = b""
    chain: list[int] = []
    entries: list[tuple[str, int, int]] = []
    for name, data in streams:
        padded = data.ljust(SMALLEST_STREAM, b"\x00")
        entries.append((name, len(chain), len(padded)))
        padded += bytes(-len(padded) % SECTOR)
        sectors += padded
        chain += [*range(len(chain) + 1, len(chain) + len(padded) // SECTOR), END]
    directory = _directory(entries, folder)
    directory_at = len(chain)
    chain += [*range(directory_at + 1, directory_at + len(directory) // SECTOR), END]
    table_sectors = 1
    while table_sectors * SECTOR // 4 < len(chain) + table_sectors:
        table_sectors += 1
    places = list(range(len(chain), len(chain) + table_sectors))
    chain += [FAT] * table_sectors
    chain += [FREE] * (table_sectors * SECTOR // 4 - len(chain))
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, table_sectors, directory_at, 0, SMALLEST_STREAM, END, 0, END, 0),
    )
    places += [FREE] * (109 - len(places))
    fat = struct.pack(f"<{len(chain)}I", *chain)
    return header + struct.pack("<109I", *places) + sectors + directory + fat


def _directory(entries: list[tuple[str, int, int]], folder: str) -> bytes:
    """Siblings hang on each other's right side; sections belong to the folder."""
    top, sections = entries[:2], entries[2:]
    first_section = 4
    found = [_entry("Root Entry", 5, child=1)]
    found += [_entry(*top[0][:1], 2, right=2, start=top[0][1], size=top[0][2])]
    found += [_entry(*top[1][:1], 2, right=3, start=top[1][1], size=top[1][2])]
    found += [_entry(folder, 1, child=first_section)]
    for index, (name, start, size) in enumerate(sections, start=first_section):
        is_last = index == first_section + len(sections) - 1
        found.append(
            _entry(name, 2, right=NOTHING if is_last else index + 1, start=start, size=size)
        )
    data = b"".join(found)
    return data + bytes(-len(data) % SECTOR)


def _entry(
    name: str,
    kind: int,
    *,
    right: int = NOTHING,
    child: int = NOTHING,
    start: int = END,
    size: int = 0,
) -> bytes:
    encoded = name.encode("utf-16-le") + b"\x00\x00"
    return struct.pack(
        "<64sHBBIII36xIII", encoded, len(encoded), kind, 1, NOTHING, right, child, start, size, 0
    )
