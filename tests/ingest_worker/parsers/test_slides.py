"""PPTX: charts are read, hidden slides and shapes aren't."""

import io
from pathlib import Path
from typing import Any

import pptx
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from tests.ingest_worker.parsers.reading import read_bytes, text_of

BOX = (Inches(1), Inches(1), Inches(5), Inches(3))


def saved(presentation: "pptx.presentation.Presentation") -> bytes:
    file = io.BytesIO()
    presentation.save(file)
    return file.getvalue()


class TestSlidesParser:
    def test_writes_charts_as_tables(self, tmp_path: Path) -> None:
        presentation = pptx.Presentation()
        slide = presentation.slides.add_slide(presentation.slide_layouts[6])
        figures: Any = CategoryChartData()  # type: ignore[no-untyped-call]
        figures.categories = ["East", "West"]
        figures.add_series("Sales", (12, 34))
        slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *BOX, figures)

        [page] = read_bytes(tmp_path, "a.pptx", saved(presentation))

        assert "| East | 12.0 |" in page.text or "| East | 12 |" in page.text

    def test_repeats_merged_cells(self, tmp_path: Path) -> None:
        presentation = pptx.Presentation()
        slide = presentation.slides.add_slide(presentation.slide_layouts[6])
        cells = slide.shapes.add_table(2, 2, *BOX).table
        cells.cell(0, 0).merge(cells.cell(0, 1))
        for row, column, text in ((0, 0, "Both"), (1, 0, "a"), (1, 1, "b")):
            cells.cell(row, column).text = text

        [page] = read_bytes(tmp_path, "a.pptx", saved(presentation))

        assert page.text == "| Both | Both |\n| --- | --- |\n| a | b |"

    def test_leaves_out_hidden_slides_and_shapes(self, tmp_path: Path) -> None:
        presentation = pptx.Presentation()
        layout = presentation.slide_layouts[6]
        shown, hidden = (presentation.slides.add_slide(layout) for _ in range(2))
        shown.shapes.add_textbox(*BOX).text_frame.text = "Shown to all."
        unseen = shown.shapes.add_textbox(*BOX)
        unseen.text_frame.text = "SECRET shape"
        unseen._element.nvSpPr.cNvPr.set("hidden", "1")
        hidden.shapes.add_textbox(*BOX).text_frame.text = "SECRET slide"
        hidden._element.set("show", "0")

        found = read_bytes(tmp_path, "a.pptx", saved(presentation))

        assert len(found) == 1
        assert "Shown to all." in text_of(found)
        assert "SECRET" not in text_of(found)
