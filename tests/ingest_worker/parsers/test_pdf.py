from pathlib import Path

import pypdfium2 as pdfium
import pytest
from PIL import ImageStat

from chatbot.contracts.media_types import PDF
from ingest_worker.parsers.pdf import PdfParser
from ingest_worker.parsers.protocol import PageText
from tests.ingest_worker.parsers.documents import A4, DATA, blank_pdf, pdf_of, turned_pdf

PARSER = PdfParser()


def first_page(path: Path) -> PageText:
    return PARSER.read_pages(path, PDF, 1, 1)[0]


class TestPdfParser:
    def test_reads_in_order(self) -> None:
        text = first_page(DATA / "english.pdf").text

        assert text.startswith("### The Evolution of the Word Processor\n\nThe concept of the word")

    def test_joins_words_that_lines_divide(self) -> None:
        page = PARSER.read_pages(DATA / "english.pdf", PDF, 4, 4)[0]

        assert "selfpublishing" in page.text
        assert "self-\n" not in page.text

    def test_puts_a_box_around_every_word(self) -> None:
        page = first_page(DATA / "english.pdf")

        words = "".join(page.text[start:end] for start, end, *_ in page.boxes)
        assert words == "".join(page.text.replace("### ", "").split())
        assert all(
            0 <= x0 < x1 <= (page.width or 0) and 0 <= y0 < y1 <= (page.height or 0)
            for _, _, x0, y0, x1, y1 in page.boxes
        )

    @pytest.mark.parametrize("degrees", [0, 90, 180, 270])
    def test_knows_places_on_turned_and_cropped_pages(self, tmp_path: Path, degrees: int) -> None:
        path = turned_pdf(tmp_path / "turned.pdf", DATA / "english.pdf", degrees=degrees)

        page = first_page(path)

        box = next(box for box in page.boxes if page.text[box[0] : box[1]] == "Processor")
        assert _ink(path, box[2:]) > 0.1
        assert not page.text.startswith("### The Evolution")

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            pytest.param("english.pdf", False, id="text-layer"),
            pytest.param("korean-scan.jpg", True, id="scan"),
        ],
    )
    def test_asks_for_ocr_of_scans_only(
        self, tmp_path: Path, source: str, *, expected: bool
    ) -> None:
        path = pdf_of(tmp_path / "one.pdf", DATA / source)

        assert first_page(path).needs_ocr is expected

    def test_asks_for_no_ocr_of_blank_pages(self, tmp_path: Path) -> None:
        page = first_page(blank_pdf(tmp_path / "blank.pdf", pages=1))

        assert (page.text, page.needs_ocr) == ("", False)
        assert (page.width, page.height) == A4


def _ink(path: Path, place: tuple[float, ...]) -> float:
    """How dark the page is in a rectangle, 0 to 1, as it is seen."""
    image = pdfium.PdfDocument(path)[0].render(scale=4, grayscale=True).to_pil()
    part = image.crop(tuple(round(value * 4) for value in place))
    return 1 - float(ImageStat.Stat(part).mean[0]) / 255
