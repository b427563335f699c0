"""RapidOCR on real scans, as the pipeline runs it: in the sandbox."""

from pathlib import Path

import pytest
from PIL import Image

from chatbot.contracts.errors import Unavailable
from chatbot.contracts.media_types import PNG, TIFF
from chatbot.contracts.ocr import RAPIDOCR
from ocr_worker import sandbox
from ocr_worker.engines.rapid import RapidEngine

DATA = Path(__file__).resolve().parents[2] / "data"


class TestRapidEngine:
    def test_reads_lines_and_boxes_every_word(self) -> None:
        [page] = sandbox.recognise(DATA / "english-scan.tif", TIFF, 1, 1, engine=RAPIDOCR)

        words = [page.text[start:end] for start, end, *_ in page.boxes]
        assert "The quick brown dog jumped over the\nlazy fox." in page.text
        assert words == page.text.split()
        assert page.confidence is not None
        assert 0.9 < page.confidence <= 1
        first = page.boxes[words.index("jumped")]
        assert all(
            0 <= x0 < x1 <= page.width and 0 <= y0 < y1 <= page.height
            for _, _, x0, y0, x1, y1 in page.boxes
        )
        assert first[2:] == pytest.approx((354, 186, 450, 224), abs=25)

    def test_reads_no_text_in_an_empty_page(self, tmp_path: Path) -> None:
        Image.new("L", (400, 300), 255).save(tmp_path / "empty.png")

        [page] = sandbox.recognise(tmp_path / "empty.png", PNG, 1, 1, engine=RAPIDOCR)

        assert (page.text, page.boxes, page.confidence) == ("", (), None)

    def test_has_enough_memory_for_a_strip(self, tmp_path: Path) -> None:
        strip = Image.new("L", (40, 3000), 255)
        strip.save(tmp_path / "strip.png")

        [page] = sandbox.recognise(tmp_path / "strip.png", PNG, 1, 1, engine=RAPIDOCR)

        assert (page.text, page.width, page.height) == ("", 40, 3000)

    def test_reads_with_a_model_that_is_named(self, tmp_path: Path) -> None:
        import rapidocr  # noqa: PLC0415 - takes seconds

        package = Path(rapidocr.__file__).parent
        [own] = (package / "models").glob("*_rec_*.onnx")
        model = tmp_path / "named.onnx"
        model.write_bytes(own.read_bytes())
        line = Image.open(DATA / "english-scan.tif").convert("L").crop((0, 80, 640, 125))

        found = RapidEngine(model).recognise(line, languages=("eng",), dpi=200)

        assert "12 point text" in found.text

    def test_waits_for_a_model_that_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(Unavailable) as raised:
            RapidEngine(tmp_path / "none.onnx").load()

        assert raised.value.error_code == "ocr-data-missing"
