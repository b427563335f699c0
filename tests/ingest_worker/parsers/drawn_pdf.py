"""PDF files of one page that tests draw themselves: what nobody would hand out for real."""

from pathlib import Path

WIDTH, HEIGHT = 600, 800
_GREY_IMAGE = (
    b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray "
    b"/BitsPerComponent 8 /Length 1 >>\nstream\n\x80\nendstream"
)
_PICTURE = b"q 600 0 0 800 0 0 cm /Im Do Q\n"


def drawn_pdf(path: Path, *commands: str, picture: bool = False, notes: str = "") -> Path:
    """`commands` draw the page, over a grey picture of its size; `notes` are its annotations."""
    content = (_PICTURE if picture else b"") + "\n".join(commands).encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Contents 4 0 R "
            f"/Annots [{notes}] /Resources << /Font << /F 5 0 R >> /XObject << /Im 6 0 R >> >> >>"
        ).encode("latin-1"),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        _GREY_IMAGE,
    ]
    data = b"%PDF-1.7\n"
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
    data += end % (count, table, count) + b"startxref\n%d\n%%%%EOF\n" % len(data)
    path.write_bytes(data)
    return path


def shown(text: str, x: float, y: float, *, size: float = 12, look: str = "") -> str:
    """Text from a point on, which counts from the lower left corner; `look` are operators."""
    for letter in "\\()":
        text = text.replace(letter, f"\\{letter}")
    return f"q BT {look} /F {size} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET Q"
