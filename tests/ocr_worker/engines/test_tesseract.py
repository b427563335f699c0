"""Reading real scans, as the pipeline does: in the sandbox."""

import re
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from PIL import Image, ImageDraw, ImageFont
from pytest_django import Settings

from chatbot.contracts.errors import DocumentFault, Unavailable
from chatbot.contracts.media_types import BMP, DOCX, HEIC, JPEG, PDF, PNG, TIFF
from chatbot.contracts.ocr import TESSERACT
from ocr_worker import sandbox
from ocr_worker.engines.protocol import RecognisedPage
from ocr_worker.sandbox import recognise

DATA = Path(__file__).resolve().parents[2] / "data"
A4 = (595.0, 842.0)
TURNS = (
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_180,
    Image.Transpose.ROTATE_270,
)


def one(path: Path, media_type: str) -> RecognisedPage:
    [page] = recognise(path, media_type, 1, 1)
    return page


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A PDF whose second page is the Korean scan."""
    document = pdfium.PdfDocument.new()
    document.new_page(*A4)
    page = document.new_page(*A4)
    image = pdfium.PdfImage.new(document)
    image.load_jpeg(DATA / "korean-scan.jpg", inline=True)
    image.set_matrix(pdfium.PdfMatrix().scale(*A4))
    page.insert_obj(image)
    page.gen_content()
    document.save(tmp_path / "scan.pdf")
    return tmp_path / "scan.pdf"


class TestRecognise:
    def test_reads_english(self) -> None:
        page = one(DATA / "english-scan.tif", TIFF)

        assert "The quick brown dog jumped over the\nlazy fox." in page.text
        assert page.confidence is not None
        assert 0.8 < page.confidence <= 1

    def test_reads_korean_without_spaces_inside_words(self) -> None:
        page = one(DATA / "korean-scan.jpg", JPEG)

        assert "피보험자" in page.text
        assert len(re.findall(r"보험\w*", page.text)) > 10

    def test_reads_both_in_one_image(self) -> None:
        text = one(DATA / "english-and-korean.png", PNG).text

        assert "RULES AND INSTRUCTIONS" in text
        assert "안녕하세요" in text

    def test_boxes_every_word_in_pixels_of_the_image(self) -> None:
        page = one(DATA / "english-scan.tif", TIFF)

        words = [page.text[start:end] for start, end, *_ in page.boxes]
        assert " ".join(words).split() == page.text.split()
        assert (page.width, page.height) == (640, 480)
        assert all(
            0 <= x0 < x1 <= page.width and 0 <= y0 < y1 <= page.height
            for _, _, x0, y0, x1, y1 in page.boxes
        )

    def test_boxes_words_of_pdfs_in_points(self, scan: Path) -> None:
        of_image = one(DATA / "korean-scan.jpg", JPEG)
        [of_pdf] = recognise(scan, PDF, 2, 2)

        assert (of_pdf.number, of_pdf.width, of_pdf.height) == (2, *A4)
        expected = _left_of("체결됩니다.", of_image) / of_image.width * A4[0]
        assert _left_of("체결됩니다.", of_pdf) == pytest.approx(expected, abs=5)

    def test_reads_no_text_in_an_empty_page(self, scan: Path) -> None:
        page = one(scan, PDF)

        assert (page.text, page.boxes, page.confidence) == ("", (), None)

    def test_reads_each_frame_of_a_tiff(self, tmp_path: Path) -> None:
        frame = Image.open(DATA / "english-scan.tif")
        frame.save(tmp_path / "two.tif", save_all=True, append_images=[frame])

        pages = recognise(tmp_path / "two.tif", TIFF, 1, 9)

        assert [page.number for page in pages] == [1, 2]
        assert pages[0].text == pages[1].text

    def test_reads_each_picture_of_a_heic_upright(self) -> None:
        pages = recognise(DATA / "english-scan.heic", HEIC, 1, 9)

        assert [page.number for page in pages] == [1, 2]
        assert all("lazy fox" in page.text for page in pages)

    def test_reads_bitmaps(self, tmp_path: Path) -> None:
        line = Image.open(DATA / "english-scan.tif").convert("L").crop((0, 80, 640, 125))
        line.save(tmp_path / "line.bmp")

        assert "12 point text" in one(tmp_path / "line.bmp", BMP).text

    def test_looks_at_transparent_images_on_white(self, tmp_path: Path) -> None:
        grey = Image.open(DATA / "english-scan.tif").convert("L")
        black = Image.new("RGBA", grey.size, (0, 0, 0, 0))
        black.putalpha(grey.point(lambda value: 255 - value))
        black.save(tmp_path / "transparent.png")

        assert "lazy fox" in one(tmp_path / "transparent.png", PNG).text

    def test_turns_photographs_as_the_camera_says(self, tmp_path: Path) -> None:
        image = (
            Image.open(DATA / "english-scan.tif").convert("L").transpose(Image.Transpose.ROTATE_90)
        )
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save(tmp_path / "photo.jpg", exif=exif)

        page = one(tmp_path / "photo.jpg", JPEG)

        assert "lazy fox" in page.text
        assert (page.width, page.height) == (640, 480)

    def test_reads_a_page_that_lies_on_its_head(self, tmp_path: Path) -> None:
        upright = Image.open(DATA / "english-scan.tif").convert("L")
        upright.transpose(Image.Transpose.ROTATE_180).save(tmp_path / "turned.png")

        page = one(tmp_path / "turned.png", PNG)

        assert "lazy fox" in page.text
        first = min(page.boxes)
        assert first[2] > page.width / 2
        assert first[3] > page.height / 2

    @pytest.mark.parametrize("turn", [None, *TURNS])
    def test_reads_a_page_of_few_letters_whichever_way_it_lies(
        self, tmp_path: Path, turn: Image.Transpose | None
    ) -> None:
        sums = Image.new("L", (640, 480), 255)
        text = "\n".join(["TOTAL 2 ITEMS   60.31", "CASH   70.30", "CHANGE   10.00"] * 3)
        font = ImageFont.load_default(28)
        ImageDraw.Draw(sums).multiline_text((60, 60), text, 0, font, spacing=14)
        (sums if turn is None else sums.transpose(turn)).save(tmp_path / "few.png")

        assert "CHANGE" in one(tmp_path / "few.png", PNG).text

    def test_reads_a_skewed_line(self, tmp_path: Path) -> None:
        line = Image.open(DATA / "english-scan.tif").convert("L").crop((0, 80, 640, 125))
        skewed = line.rotate(8, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
        skewed.save(tmp_path / "skewed.png")

        page = one(tmp_path / "skewed.png", PNG)

        assert "This is a lot of" in page.text
        assert page.boxes[0][3] > page.boxes[-1][3]


class TestFaults:
    def test_of_the_document_are_named(self, tmp_path: Path) -> None:
        huge = pdfium.PdfDocument.new()
        huge.new_page(200_000, 200_000)
        huge.save(tmp_path / "huge.pdf")
        (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
        (tmp_path / "broken.heic").write_bytes((DATA / "english-scan.heic").read_bytes()[:5000])
        (tmp_path / "broken.png").write_bytes((DATA / "english-and-korean.png").read_bytes()[:5000])

        codes = [
            _code(tmp_path / "huge.pdf", PDF),
            _code(tmp_path / "broken.pdf", PDF),
            _code(tmp_path / "broken.png", PNG),
            _code(tmp_path / "broken.heic", HEIC),
            _code(DATA / "english.docx", DOCX),
        ]

        assert codes == ["page-too-large", *["file-broken"] * 3, "type-unsupported"]

    def test_of_the_installation_are_not_the_documents(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        settings.TESSDATA = str(tmp_path)
        sandbox._engine.cache_clear()

        with pytest.raises(Unavailable) as raised:
            recognise(DATA / "english-scan.tif", TIFF, 1, 1)

        sandbox._engine(TESSERACT).close()
        sandbox._engine.cache_clear()
        assert raised.value.error_code == "ocr-data-missing"
        assert "TESSDATA_PREFIX" in raised.value.way_out


def _left_of(word: str, page: RecognisedPage) -> float:
    place = page.text.index(word)
    return next(box[2] for box in page.boxes if box[0] <= place < box[1])


def _code(path: Path, media_type: str) -> str:
    with pytest.raises(DocumentFault) as raised:
        recognise(path, media_type, 1, 1)
    return raised.value.error_code
