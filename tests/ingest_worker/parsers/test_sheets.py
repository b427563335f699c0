"""XLSX: charts and notes are read, what is hidden isn't."""

import io
from pathlib import Path

import openpyxl
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment

from tests.ingest_worker.parsers.reading import read_bytes, text_of


def saved(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


class TestSheetParser:
    def test_leaves_out_hidden_sheets_rows_and_columns(self, tmp_path: Path) -> None:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.title = "Prices"
        sheet.append(["name", "SECRET column", "price"])
        sheet.append(["SECRET row", "x", "y"])
        sheet.append(["bread", "SECRET cell", 3])
        sheet["D3"] = "SECRET format"
        sheet["D3"].number_format = ";;;"
        sheet.column_dimensions["B"].hidden = True
        sheet.row_dimensions[2].hidden = True
        for state in ("hidden", "veryHidden"):
            book.create_sheet(f"SECRET {state}").append(["SECRET"])
            book.worksheets[-1].sheet_state = state

        [page] = read_bytes(tmp_path, "a.xlsx", saved(book))

        assert page.label == "Prices"
        assert page.text == "## Prices\n\n| name | price |\n| --- | --- |\n| bread | 3 |"

    def test_repeats_merged_cells(self, tmp_path: Path) -> None:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.append(["first half", None, "sum"])
        sheet.append(["q1", "q2", 3])
        sheet.merge_cells("A1:B1")

        found = text_of(read_bytes(tmp_path, "a.xlsx", saved(book)))

        assert "| first half | first half | sum |" in found

    def test_reads_notes_and_titles_of_charts(self, tmp_path: Path) -> None:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.append(["town", "people"])
        sheet.append(["Busan", 3])
        sheet["B2"].comment = Comment("In millions.", "Kim")
        chart = BarChart()
        chart.title = "Where people live"
        chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=2), titles_from_data=True)
        sheet.add_chart(chart, "D2")

        found = text_of(read_bytes(tmp_path, "a.xlsx", saved(book)))

        assert "[Comment] B2: In millions." in found
        assert "Where people live" in found
