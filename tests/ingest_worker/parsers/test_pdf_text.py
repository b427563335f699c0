import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.contracts.media_types import PDF
from ingest_worker.parsers.pdf import PdfParser
from ingest_worker.parsers.pdf_scans import is_mixture
from ingest_worker.parsers.protocol import PageText
from tests.ingest_worker.parsers.documents import DATA
from tests.ingest_worker.parsers.drawn_pdf import HEIGHT, WIDTH, drawn_pdf, shown

LETTERS = "abcXYZ|(-.é1"
PIECES = st.tuples(
    st.text(LETTERS + " ", min_size=1, max_size=30),
    st.integers(-50, WIDTH + 50),
    st.integers(-50, HEIGHT + 50),
    st.sampled_from([0.5, 8.0, 12.0, 30.0]),
)
LEFT = [f"left column has line number {number}" for number in range(12)]
RIGHT = [f"right column has line number {number}" for number in range(12)]


def read(path: Path) -> PageText:
    return PdfParser().read_pages(path, PDF, 1, 1)[0]


def words_of(page: PageText) -> list[str]:
    return [page.text[start:end] for start, end, *_ in page.boxes]


class TestBoxes:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(PIECES, max_size=25))
    def test_fit_the_text_whatever_is_drawn(
        self, pieces: list[tuple[str, int, int, float]]
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            page = read(
                drawn_pdf(
                    Path(folder) / "drawn.pdf",
                    *(shown(text, x, y, size=size) for text, x, y, size in pieces),
                )
            )

        ends = [0, *(end for _, end, *_ in page.boxes)]
        starts = [*(start for start, *_ in page.boxes), len(page.text)]
        between = "".join(page.text[end:start] for end, start in zip(ends, starts, strict=True))
        assert all(word and not set(word) & set(" \n") for word in words_of(page))
        assert set(between) <= set(" \n|-#")

    @pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
    def test_fit_the_text_of_a_real_document(self, number: int) -> None:
        page = PdfParser().read_pages(DATA / "english.pdf", PDF, number, number)[0]

        assert all(word == word.strip() for word in words_of(page))
        assert "".join(words_of(page)) == "".join(page.text.replace("### ", "").split())


class TestReadingOrder:
    def test_reads_column_by_column_where_the_file_draws_line_by_line(self, tmp_path: Path) -> None:
        commands = [shown("One heading stands above both of the columns of this page", 60, 770)]
        for number, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True)):
            y = 740 - 14 * number
            commands += [shown(left, 60, y), shown(right, 320, y)]

        lines = read(drawn_pdf(tmp_path / "columns.pdf", *commands)).text.split("\n")

        assert [line for line in lines if line][1:] == LEFT + RIGHT
        assert lines[0].startswith("One heading")

    def test_keeps_rows_of_cells_together(self, tmp_path: Path) -> None:
        commands = []
        for number in range(12):
            for column, x in enumerate((60, 250, 450)):
                commands.append(shown(f"r{number}c{column}", x, 740 - 14 * number))

        text = read(drawn_pdf(tmp_path / "table.pdf", *commands)).text

        assert text.startswith("| r0c0 | r0c1 | r0c2 |\n| --- | --- | --- |\n| r1c0 |")
        assert text.endswith("| r11c0 | r11c1 | r11c2 |")

    def test_leaves_cells_empty_and_escapes_bars(self, tmp_path: Path) -> None:
        rows = [("a", "b", "c"), ("d|e", "", "f"), ("g", "h", "i")]
        commands = [
            shown(cell, x, 740 - 14 * number)
            for number, row in enumerate(rows)
            for cell, x in zip(row, (60, 250, 450), strict=True)
            if cell
        ]

        page = read(drawn_pdf(tmp_path / "table.pdf", *commands))

        assert "| d\\|e |  | f |" in page.text
        assert "d\\|e" in words_of(page)

    def test_sets_headings_apart(self, tmp_path: Path) -> None:
        path = drawn_pdf(
            tmp_path / "heading.pdf",
            shown("Heading", 60, 700, size=18),
            shown("Text begins close below.", 60, 684),
            shown("It goes on.", 60, 670),
        )

        assert read(path).text == "## Heading\n\nText begins close below.\nIt goes on."


class TestHiddenText:
    @pytest.mark.parametrize(
        "hidden",
        [
            pytest.param(shown("secret", 60, 600, look="3 Tr"), id="unpainted"),
            pytest.param(shown("secret", 60, 600, look="1 g"), id="white-on-white"),
            pytest.param(shown("secret", 60, 600, size=0.5), id="tiny"),
            pytest.param(shown("secret", 60, -300), id="outside-the-page"),
        ],
    )
    def test_is_left_out(self, tmp_path: Path, hidden: str) -> None:
        path = drawn_pdf(tmp_path / "hidden.pdf", shown("open", 60, 700), hidden)

        assert read(path).text == "open"

    def test_does_not_take_white_text_on_a_dark_shape_for_hidden(self, tmp_path: Path) -> None:
        path = drawn_pdf(
            tmp_path / "dark.pdf", "q 0 g 50 590 300 30 re f Q", shown("head", 60, 600, look="1 g")
        )

        assert read(path).text == "head"

    def test_does_not_take_what_ocr_has_read_for_hidden(self, tmp_path: Path) -> None:
        line = shown("The scan has been read by somebody before.", 60, 600, look="3 Tr")

        page = read(drawn_pdf(tmp_path / "scan.pdf", line, picture=True))

        assert (page.text, page.needs_ocr) == ("The scan has been read by somebody before.", False)

    def test_is_read_again_where_ocr_has_found_nothing_but_spots(self, tmp_path: Path) -> None:
        line = shown(". , i ; . : ' ! . i , | - . ; ,", 60, 600, look="3 Tr")

        assert read(drawn_pdf(tmp_path / "spots.pdf", line, picture=True)).needs_ocr


class TestTextThatFontsGarble:
    @pytest.mark.parametrize(
        "garbled",
        [
            pytest.param("\x01\x02\x03\x04 \x05\x06\x07 " * 9, id="control-characters"),
            pytest.param("1998 " + "\x01\x02\x03\x04\x05\x06" * 9, id="all-but-numbers"),
        ],
    )
    def test_is_read_by_ocr(self, tmp_path: Path, garbled: str) -> None:
        assert read(drawn_pdf(tmp_path / "garbled.pdf", shown(garbled, 60, 700))).needs_ocr

    def test_is_told_by_words_of_several_scripts(self) -> None:
        assert is_mixture("¢һӍΉʽී¢Ǌ ഀဍ\u0cc5Ϣiͳ")

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("AI를 쓰는 3D프린터와 韓國語 ひらがなカタカナ", id="east-asian"),
            pytest.param("β-sheet and Ωm of 5 µm, naïve façade: Привет, мир", id="science"),
            pytest.param("English, Русский, العربية, 한국어, हिन्दी, ไทย, Ελληνικά", id="languages"),
        ],
    )
    def test_is_not_what_languages_mix(self, text: str) -> None:
        assert not is_mixture(text)


class TestNotes:
    @pytest.mark.parametrize(
        "note",
        [
            pytest.param("/Subtype /Text /Contents (Please check)", id="comment"),
            pytest.param("/Subtype /FreeText /Contents (Please check)", id="free-text"),
            pytest.param("/Subtype /Widget /FT /Tx /V (Please check)", id="undrawn-field"),
        ],
    )
    def test_follow_the_text_with_boxes_where_they_stand(self, tmp_path: Path, note: str) -> None:
        path = drawn_pdf(
            tmp_path / "note.pdf",
            shown("Text", 60, 700),
            notes=f"<< /Type /Annot /Rect [100 500 140 520] {note} >>",
        )

        page = read(path)

        assert page.text == "Text\n\nPlease check"
        assert page.boxes[-1] == (13, 18, 100.0, 280.0, 140.0, 300.0)

    def test_are_left_out_where_they_are_hidden(self, tmp_path: Path) -> None:
        note = "<< /Type /Annot /Subtype /Text /F 2 /Rect [0 0 9 9] /Contents (secret) >>"

        page = read(drawn_pdf(tmp_path / "note.pdf", shown("Text", 60, 700), notes=note))

        assert page.text == "Text"
