"""Every promised format, read as the pipeline reads it: in the sandbox."""

import zipfile
from pathlib import Path

import pytest
from PIL import Image

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import (
    BMP,
    CSV,
    DOCX,
    EMAIL,
    HEIC,
    HTML,
    JPEG,
    MARKDOWN,
    PDF,
    PNG,
    PPTX,
    TEXT,
    TIFF,
    XLSX,
    detect,
)
from ingest_worker.parsers.protocol import PageText
from ingest_worker.sandbox import open_file, read_pages
from tests.ingest_worker.parsers.documents import DATA, blank_pdf, bomb, pdf_of


def _ftyp(*brands: bytes) -> bytes:
    """The first box of a file of the family of MP4 and HEIF, and the beginning of the next."""
    major, *others = brands
    content = b"ftyp" + major + bytes(4) + b"".join(others)
    return (len(content) + 4).to_bytes(4, "big") + content + b"\0\0\0\x08free"


def read(path: Path, media_type: str) -> list[PageText]:
    plan = open_file(path, media_type, pages_limit=100)
    return list(plan.pages) or read_pages(path, plan.media_type, 1, plan.page_count)


class TestFormats:
    @pytest.mark.parametrize(
        ("name", "media_type", "pages", "passage"),
        [
            pytest.param("english.pdf", PDF, 5, "The Evolution of the Word Processor", id="pdf"),
            pytest.param("english.docx", DOCX, 2, "| Leaves | Ash, Elm, Maple | 50 |", id="docx"),
            pytest.param("tables.docx", DOCX, 1, "| d | e f g&t h | i |", id="nested-tables"),
            pytest.param("slides.pptx", PPTX, 1, "- Find the bullet slide layout", id="pptx"),
            pytest.param("workbook.xlsx", XLSX, 2, "| Maple Leafs | TOR | 13 |", id="xlsx"),
            pytest.param("table.csv", CSV, 1, "| Maple Leafs | TOR | 13 |", id="csv"),
            pytest.param("page.html", HTML, 1, "## Background", id="html"),
            pytest.param("mail.eml", EMAIL, 2, "Subject: Odd filename example", id="eml"),
        ],
    )
    def test_are_read(self, name: str, media_type: str, pages: int, passage: str) -> None:
        found = read(DATA / name, media_type)

        assert [page.number for page in found] == list(range(1, pages + 1))
        assert any(passage in page.text for page in found)
        assert not any(page.needs_ocr for page in found)

    @pytest.mark.parametrize(
        ("name", "media_type", "labels"),
        [
            pytest.param("slides.pptx", PPTX, ("Adding a Bullet Slide",), id="slides"),
            pytest.param(
                "workbook.xlsx", XLSX, ("Stanley Cups", "Stanley Cups Since 67"), id="sheets"
            ),
            pytest.param(
                "mail.eml", EMAIL, ("Odd filename example", "odd=file=name.txt"), id="attachments"
            ),
            pytest.param(
                "english.docx", DOCX, ("Summer activities", "Let\u2019s eat"), id="headings"
            ),
        ],
    )
    def test_have_names_for_their_parts(
        self, name: str, media_type: str, labels: tuple[str, ...]
    ) -> None:
        plan = open_file(DATA / name, media_type, pages_limit=100)

        assert plan.labels == labels

    def test_of_word_processors_keep_the_pages_they_were_printed_on(self) -> None:
        found = read(DATA / "page-breaks.docx", DOCX)

        assert len(found) == 6
        assert found[1].text.startswith("<<Text on second page.")

    @pytest.mark.parametrize(
        ("encoding", "media_type"),
        [
            pytest.param("utf-8", TEXT, id="utf-8"),
            pytest.param("utf-8-sig", MARKDOWN, id="utf-8-with-a-mark"),
            pytest.param("utf-16", TEXT, id="utf-16"),
            pytest.param("cp949", TEXT, id="cp949"),
            pytest.param("euc-kr", CSV, id="euc-kr"),
        ],
    )
    def test_of_text_are_read_in_korean_encodings(
        self, tmp_path: Path, encoding: str, media_type: str
    ) -> None:
        path = tmp_path / "upload"
        path.write_bytes("# 제목\n\n대한민국의 수도는 서울이다.\n".encode(encoding))

        [page] = read(path, media_type)

        assert "대한민국의 수도는 서울이다." in page.text

    def test_of_text_are_read_in_the_encoding_of_korean_mail_servers(self, tmp_path: Path) -> None:
        path = tmp_path / "upload"
        path.write_bytes("대한민국의 수도는 서울이다.".encode("iso2022_kr"))

        [page] = read(path, "application/octet-stream")

        assert page.text == "대한민국의 수도는 서울이다."

    @pytest.mark.parametrize(
        ("name", "media_type", "size"),
        [
            pytest.param("korean-scan.jpg", JPEG, (1240.0, 1755.0), id="jpeg"),
            pytest.param("english-scan.tif", TIFF, (640.0, 480.0), id="tiff"),
            pytest.param("english-and-korean.png", PNG, (650.0, 814.0), id="png"),
        ],
    )
    def test_of_images_are_left_to_ocr(
        self, name: str, media_type: str, size: tuple[float, float]
    ) -> None:
        [page] = read(DATA / name, media_type)

        assert page.needs_ocr
        assert (page.width, page.height) == size

    def test_of_heic_have_a_page_for_each_picture_as_it_is_turned(self) -> None:
        pages = read(DATA / "english-scan.heic", HEIC)

        assert [page.needs_ocr for page in pages] == [True, True]
        assert {(page.width, page.height) for page in pages} == {(640.0, 480.0)}

    def test_of_bitmaps_are_left_to_ocr(self, tmp_path: Path) -> None:
        Image.new("RGB", (300, 200), "white").save(tmp_path / "upload", "BMP")

        [page] = read(tmp_path / "upload", BMP)

        assert (page.needs_ocr, page.width, page.height) == (True, 300.0, 200.0)

    @pytest.mark.parametrize(
        ("content", "media_type"),
        [
            pytest.param(_ftyp(b"mif1", b"mif1", b"heic"), HEIC, id="heif of a camera"),
            pytest.param(_ftyp(b"avif", b"mif1", b"avif"), None, id="avif"),
            pytest.param(_ftyp(b"isom", b"isom", b"avc1"), None, id="film"),
            pytest.param(b"BM4\x02\0\0" + bytes(4) + b"6\0\0\0(\0\0\0", BMP, id="bitmap"),
            pytest.param(b"BMW builds cars in Munich.", TEXT, id="text"),
        ],
    )
    def test_of_pictures_are_told_apart(self, content: bytes, media_type: str | None) -> None:
        assert detect(head=content, tail=content, name="upload") == media_type

    def test_may_mix_text_and_scans(self, tmp_path: Path) -> None:
        path = pdf_of(
            tmp_path / "mixed.pdf",
            DATA / "english.pdf",
            DATA / "korean-scan.jpg",
            DATA / "english.pdf",
        )

        found = read(path, PDF)

        assert [page.needs_ocr for page in found] == [False, True, False]

    def test_are_told_by_their_content(self) -> None:
        plan = open_file(DATA / "english.docx", PDF, pages_limit=100)

        assert plan.media_type == DOCX

    def test_can_be_read_in_part(self) -> None:
        found = read_pages(DATA / "english.pdf", PDF, 4, 9)

        assert [page.number for page in found] == [4, 5]


class TestFaults:
    def test_are_named(self, tmp_path: Path) -> None:
        whole = (DATA / "english.pdf").read_bytes()
        files = {
            "file-encrypted": (DATA / "encrypted.pdf", PDF),
            "file-broken": (_file(tmp_path / "broken.pdf", whole[:2000]), PDF),
            "file-empty": (_file(tmp_path / "empty.txt", b""), TEXT),
            "too-many-pages": (blank_pdf(tmp_path / "long.pdf", pages=101), PDF),
            "too-much-output": (bomb(tmp_path / "bomb.docx"), DOCX),
            "type-unsupported": (_file(tmp_path / "disk.iso", b"\x00\x01\x02" * 99), "x/unknown"),
        }

        codes = {expected: _code(path, kind) for expected, (path, kind) in files.items()}

        assert codes == {code: code for code in files}

    @pytest.mark.parametrize("name", ["english.docx", "slides.pptx", "workbook.xlsx"])
    def test_of_damaged_office_files_are_the_documents(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        with zipfile.ZipFile(DATA / name) as whole, zipfile.ZipFile(path, "w") as damaged:
            for member in whole.infolist():
                damaged.writestr(member, whole.read(member)[:100])

        media_type = {"english.docx": DOCX, "slides.pptx": PPTX, "workbook.xlsx": XLSX}[name]

        assert _code(path, media_type) == "file-broken"

    @pytest.mark.parametrize("name", ["english.docx", "slides.pptx", "workbook.xlsx"])
    def test_of_office_files_with_changed_bytes_are_the_documents(
        self, tmp_path: Path, name: str
    ) -> None:
        data = bytearray((DATA / name).read_bytes())
        for place in range(300, len(data) * 2 // 3, 97):
            data[place] ^= 0xFF

        assert _code(_file(tmp_path / name, bytes(data)), DOCX) == "file-broken"

    def test_leave_entities_of_xml_unread(self, tmp_path: Path) -> None:
        secret = _file(tmp_path / "secret.txt", b"the secret")
        page = (
            f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{secret}">]><html><p>said: &x;</p></html>'
        )

        [found] = read(_file(tmp_path / "page.html", page.encode()), HTML)

        assert "said:" in found.text
        assert "the secret" not in found.text


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _code(path: Path, media_type: str) -> str:
    with pytest.raises(DocumentFault) as raised:
        open_file(path, media_type, pages_limit=100)
    return raised.value.error_code
