import datetime as dt
import io

import openpyxl
import pytest

from chatbot.contracts.media_types import CSV, XLSX
from ingest_worker.parsers.sheets import SheetParser
from ingest_worker.parsers.tables import CsvParser, html_table, table


class TestTable:
    def test_is_markdown(self) -> None:
        block = table([["name", "size"], ["a", "1"]])

        assert block.text == "| name | size |\n| --- | --- |\n| a | 1 |"
        assert block.repeated == "| name | size |\n| --- | --- |\n"

    def test_leaves_out_what_is_empty(self) -> None:
        block = table([["", "", ""], ["a", "", "b"], [], ["c", " ", ""]])

        assert block.text == "| a | b |\n| --- | --- |\n| c |  |"

    def test_puts_a_title_above(self) -> None:
        block = table([["Cups", "", ""], ["Team", "Town", "Cups"], ["Blues", "STL", "1"]])

        assert block.text.startswith("Cups\n\n| Team | Town | Cups |\n| --- |")

    def test_keeps_its_shape_whatever_the_cells_hold(self) -> None:
        block = table([["a|b", "two\nlines"], ["x", "y"]])

        assert block.text.split("\n")[0] == r"| a\|b | two lines |"

    def test_of_nothing_is_nothing(self) -> None:
        assert table([]).text == ""


class TestHtmlTable:
    def test_reads_what_partitioners_write(self) -> None:
        block = html_table("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td></tr></table>")

        assert block.text == "| a | b |\n| --- | --- |\n| 1 |  |"

    def test_of_broken_markup_is_nothing(self) -> None:
        assert html_table("").text == ""


class TestSheetParser:
    def test_shows_values_as_people_see_them(self) -> None:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.append(["share", "day", "moment", "yes", "sum"])
        moment = dt.datetime(2026, 5, 4, 3, 2, tzinfo=dt.UTC).replace(tzinfo=None)
        sheet.append([0.255, dt.date(2026, 5, 4), moment, True, 0.1 + 0.2])
        sheet["A2"].number_format = "0.0%"
        file = io.BytesIO()
        book.save(file)

        [section] = SheetParser().sections(file, XLSX)

        row = section.blocks[1].text.split("\n")[2]
        assert row == "| 25.5% | 2026-05-04 | 2026-05-04 03:02:00 | TRUE | 0.3 |"


class TestCsvParser:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_finds_the_delimiter(self, delimiter: str) -> None:
        rows = [["name", "town", "cups"], ["Blues", "STL", "1"], ["Flyers", "PHI", "2"]]
        file = io.BytesIO("\n".join(map(delimiter.join, rows)).encode())

        [section] = CsvParser().sections(file, CSV)

        assert section.blocks[0].text.endswith("| Flyers | PHI | 2 |")
