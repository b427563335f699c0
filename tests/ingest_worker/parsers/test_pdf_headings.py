from pathlib import Path

import pytest

from chatbot.contracts.media_types import PDF
from ingest_worker.parsers.pdf import PdfParser
from ingest_worker.parsers.pdf_headings import TextRow, key, with_headings
from tests.ingest_worker.parsers.documents import DATA
from tests.ingest_worker.parsers.drawn_pdf import drawn_pdf, shown

BODY = [
    shown(f"This is line number {number} of the running text.", 60, 600 - 14 * number)
    for number in range(12)
]


def lines_of(path: Path) -> list[str]:
    text = PdfParser().read_pages(path, PDF, 1, 1)[0].text
    return [line for line in text.split("\n") if line.startswith("#")]


class TestHeadings:
    def test_have_levels_by_their_size(self, tmp_path: Path) -> None:
        path = drawn_pdf(
            tmp_path / "sizes.pdf",
            shown("The title of the report", 60, 700, size=24),
            shown("One of its chapters", 60, 660, size=18),
            shown("A section", 60, 630, size=14),
            *BODY,
        )

        assert lines_of(path) == [
            "# The title of the report",
            "## One of its chapters",
            "### A section",
        ]

    def test_have_one_line_where_the_page_has_two(self, tmp_path: Path) -> None:
        path = drawn_pdf(
            tmp_path / "two.pdf",
            shown("A title that is longer", 60, 700, size=20),
            shown("than a line", 60, 676, size=20),
            *BODY,
        )

        page = PdfParser().read_pages(path, PDF, 1, 1)[0]

        words = [page.text[start:end] for start, end, *_ in page.boxes]
        assert page.text.startswith("## A title that is longer")
        assert page.text.split("\n")[0].endswith("than a line")
        assert words[:9] == [*["A", "title", "that", "is", "longer", "than", "a", "line"], "This"]

    def test_have_the_same_level_however_many_pages_are_read_at_once(self) -> None:
        parser = PdfParser()

        together = parser.read_pages(DATA / "english.pdf", PDF, 1, 5)
        apart = [parser.read_pages(DATA / "english.pdf", PDF, n, n)[0] for n in range(1, 6)]

        assert apart == together
        assert "### Pre-Digital Era (19th - Early 20th Century)\n" in together[0].text

    @pytest.mark.parametrize(
        "line",
        [
            pytest.param(shown("Yearly report of the firm", 60, 785, size=14), id="page-header"),
            pytest.param(shown("Yearly report of the firm", 60, 10, size=14), id="page-footer"),
            pytest.param(shown("x = 2 + 3 * 4", 60, 640, size=20), id="formula"),
            pytest.param(shown("- an item of a list", 60, 640, size=20), id="list"),
            pytest.param(shown("It is quoted in large letters.", 60, 640, size=20), id="sentence"),
            pytest.param(shown("T", 60, 640, size=40), id="initial"),
        ],
    )
    def test_are_not_lines_that_are_large_for_another_reason(
        self, tmp_path: Path, line: str
    ) -> None:
        assert lines_of(drawn_pdf(tmp_path / "large.pdf", line, *BODY)) == []

    def test_are_not_cells_of_tables(self, tmp_path: Path) -> None:
        cells = [
            shown(f"Cell {row} {column}", x, 740 - 20 * row, size=18)
            for row in range(5)
            for column, x in enumerate((60, 250, 450))
        ]

        assert lines_of(drawn_pdf(tmp_path / "table.pdf", *cells, *BODY)) == []

    def test_are_not_all_lines_of_a_page_in_large_letters(self, tmp_path: Path) -> None:
        lines = [
            shown(f"Point number {number} of the slide", 60, 600 - 50 * number, size=24)
            for number in range(6)
        ]
        path = drawn_pdf(tmp_path / "slide.pdf", shown("Our plans", 60, 700, size=44), *lines)

        assert lines_of(path) == ["# Our plans"]


class TestOutline:
    def test_names_headings_that_look_like_text(self) -> None:
        text = "2.1 Field of\nuse\nThe field is wide."
        rows = [
            TextRow(start, end, 10.0, baseline, is_whole=True, is_bold=False)
            for start, end, baseline in [(0, 12, 100.0), (13, 16, 112.0), (17, 35, 124.0)]
        ]
        boxes = ((17, 20, 0.0, 0.0, 1.0, 1.0),)

        found, moved = with_headings(
            text, boxes, rows, height=800.0, common_size=10.0, outline={key("Field of  Use"): 2}
        )

        assert found == "## 2.1 Field of use\nThe field is wide."
        assert found[moved[0][0] : moved[0][1]] == "The"
