"""Small files that parsers are tried on, where a real one can't be had."""

import zipfile
from pathlib import Path

import pypdfium2 as pdfium

DATA = Path(__file__).resolve().parents[2] / "data"
A4 = (595.0, 842.0)
CUT_OFF_POINTS = 130.0


def pdf_of(path: Path, *sources: Path) -> Path:
    """A PDF of the given PDFs' first pages and, each filling a page, JPEG images."""
    document = pdfium.PdfDocument.new()
    for source in sources:
        if source.suffix == ".pdf":
            document.import_pages(pdfium.PdfDocument(source), pages=[0])
            continue
        page = document.new_page(*A4)
        image = pdfium.PdfImage.new(document)
        image.load_jpeg(source, inline=True)
        image.set_matrix(pdfium.PdfMatrix().scale(*A4))
        page.insert_obj(image)
        page.gen_content()
    document.save(path)
    return path


def blank_pdf(path: Path, *, pages: int) -> Path:
    document = pdfium.PdfDocument.new()
    for _ in range(pages):
        document.new_page(*A4)
    document.save(path)
    return path


def turned_pdf(path: Path, source: Path, *, degrees: int) -> Path:
    """The first page of a PDF with its view turned and a strip at its left cut off."""
    document = pdfium.PdfDocument.new()
    document.import_pages(pdfium.PdfDocument(source), pages=[0])
    page = document[0]
    page.set_rotation(degrees)
    left, bottom, right, top = page.get_mediabox()
    page.set_cropbox(left + CUT_OFF_POINTS, bottom, right, top)
    document.save(path)
    return path


def bomb(path: Path, *, part: str = "word/document.xml", megabytes: int = 200) -> Path:
    """An office file of some kilobytes that unpacks to very much."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open(part, "w") as file:
            for _ in range(megabytes):
                file.write(b" " * (1 << 20))
    return path
