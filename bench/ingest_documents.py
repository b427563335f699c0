"""Documents that benches make: PDFs with a text layer, and scans, each page a picture."""

import io
import random
from typing import Final

from PIL import Image, ImageDraw, ImageFont

_SYLLABLES: Final = ("ba", "co", "di", "fu", "ga", "he", "lo", "mi", "nu", "pe", "ra", "so", "ti")
_WORDS_PER_LINE: Final = 11
_LINES: Final = 45
_SCANNED_LINES: Final = 8
_PAGE_POINTS: Final = (595, 842)
_SCAN_PIXELS: Final = (1240, 1754)
_FONT_POINTS: Final = 10
_SCAN_FONT_PIXELS: Final = 36


def text_pdf(pages: int, *, seed: int) -> bytes:
    """Pages of about 3,000 characters, each different."""
    chance = random.Random(seed)  # noqa: S311 - words, not secrets
    objects = [b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    for _ in range(pages):
        lines = [_line(chance) for _ in range(_LINES)]
        shown = "".join(f"({line}) Tj T*\n" for line in lines)
        content = f"BT /F {_FONT_POINTS} Tf 16 TL 40 800 Td\n{shown}ET".encode()
        objects.append(_stream(b"", content))
        objects.append(_page(len(objects), b"/Font << /F 1 0 R >>"))
    return _pdf(objects, pages)


def scanned_pdf(pages: int) -> tuple[bytes, str]:
    """Pages without a text layer, and words that stand on the first one only."""
    chance = random.Random(5)  # noqa: S311 - words, not secrets
    font = ImageFont.load_default(_SCAN_FONT_PIXELS)
    objects: list[bytes] = []
    words = ""
    for _ in range(pages):
        lines = [" ".join(_line(chance).split()[:8]) for _ in range(_SCANNED_LINES)]
        words = words or lines[0]
        image = Image.new("L", _SCAN_PIXELS, 255)
        ImageDraw.Draw(image).multiline_text((100, 120), "\n".join(lines), 0, font, spacing=30)
        picture = io.BytesIO()
        image.save(picture, "JPEG", quality=60)
        width, height = _SCAN_PIXELS
        kind = (
            f"/Type /XObject /Subtype /Image /Width {width} /Height {height}"
            " /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode"
        )
        objects.append(_stream(kind.encode(), picture.getvalue()))
        drawn = f"{_PAGE_POINTS[0]} 0 0 {_PAGE_POINTS[1]} 0 0 cm /I Do".encode()
        objects.append(_stream(b"", drawn))
        resources = f"/XObject << /I {len(objects) - 1} 0 R >>".encode()
        objects.append(_page(len(objects), resources))
    return _pdf(objects, pages), words


def _line(chance: random.Random) -> str:
    return " ".join(
        "".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))) for _ in range(_WORDS_PER_LINE)
    )


def _stream(kind: bytes, content: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (kind, len(content), content)


def _page(content: int, resources: bytes) -> bytes:
    """Its parent, the tree of pages, gets a number at the end."""
    place = b"/Type /Page /Parent %%d 0 R /MediaBox [0 0 %d %d]" % _PAGE_POINTS
    return b"<< %s /Contents %d 0 R /Resources << %s >> >>" % (place, content, resources)


def _pdf(objects: list[bytes], pages: int) -> bytes:
    """The file: objects from number 1, then the tree of pages and the catalogue."""
    tree = len(objects) + 1
    kids = [number for number, one in enumerate(objects, start=1) if b"/Type /Page " in one[:20]]
    named = b" ".join(b"%d 0 R" % number for number in kids)
    objects = [
        one.replace(b"/Parent %d", b"/Parent %d" % tree) if number in set(kids) else one
        for number, one in enumerate(objects, start=1)
    ]
    objects.append(b"<< /Type /Pages /Count %d /Kids [%s] >>" % (pages, named))
    objects.append(b"<< /Type /Catalog /Pages %d 0 R >>" % tree)
    written = bytearray(b"%PDF-1.7\n")
    places = []
    for number, one in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % place for place in places)
    written += b"trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        len(objects),
        table,
    )
    return bytes(written)
