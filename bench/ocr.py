"""How well, and how fast, scans are read: character error rate, misses and seconds per image.

    OMP_THREAD_LIMIT=1 TESSDATA_PREFIX=… python bench/ocr.py FOLDER [--kind page] [--language ko]
        [--plain] [--turned] [--engine rapidocr]

The folder holds `manifest.csv` with the columns split, lang, kind, image, truth and truth_quality.
White space is left out for Korean and folded for English. `cer` counts edits in reading order.
Some truths aren't what stands there: those of receipts are in capitals whatever was printed, and
those of columns are in the order in which a PDF was written. `caseless` takes all letters for
capitals; `lines` looks for each true line where it fits best, in capitals too; `miss` is the share
of true characters that were not produced, wherever.
`--plain` reads with Tesseract as it comes: the same data, layout AUTO, nothing prepared. `--turned`
turns the images: the first by 90 degrees, the second by 180, the third by 270, and so on.
Figures are over all characters of a kind; seconds are of the processor.
"""

import argparse
import csv
import json
import re
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

import numpy as np
import tesserocr
from PIL import Image

from chatbot.contracts.media_types import JPEG, PNG, TIFF
from chatbot.contracts.ocr import RAPIDOCR, TESSERACT
from ocr_worker.engines.pages import PageImage, page_images
from ocr_worker.engines.rapid import RapidEngine
from ocr_worker.engines.registry import LANGUAGES, default_engine

_TYPES = {".jpg": JPEG, ".png": PNG, ".tif": TIFF, ".tiff": TIFF}
_TURNS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
_UNTRUSTED = "lossy"
_ENGINE = default_engine()


@dataclass
class Figures:
    images: int = 0
    characters: int = 0
    edits: int = 0
    caseless: int = 0
    lines: int = 0
    missed: int = 0
    seconds: float = 0.0

    def report(self) -> dict[str, float]:
        return {
            "images": self.images,
            "cer": round(self.edits / self.characters, 4),
            "caseless": round(self.caseless / self.characters, 4),
            "lines": round(self.lines / self.characters, 4),
            "miss": round(self.missed / self.characters, 4),
            "seconds": round(self.seconds / self.images, 2),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", default="", help="only kinds that contain this")
    parser.add_argument("--language", default="", help="ko or en")
    parser.add_argument("--plain", action="store_true", help="Tesseract as it comes")
    parser.add_argument("--turned", action="store_true", help="images lie on a side or their head")
    parser.add_argument("--engine", default=TESSERACT, choices=[TESSERACT, RAPIDOCR])
    arguments = parser.parse_args()
    figures: dict[str, Figures] = defaultdict(Figures)
    read = _plain_reader() if arguments.plain else _reader_of(arguments.engine)
    rows = _rows(arguments.folder, arguments.kind, arguments.language)
    turns = cycle(_TURNS if arguments.turned else (None,))
    for row, turn in zip(rows, turns, strict=False):
        truth = (arguments.folder / row["truth"]).read_text()
        page = _page(arguments.folder / row["image"], turn)
        began = time.process_time()
        found = read(page)
        seconds = time.process_time() - began
        for group in (f"{row['lang']} {row['kind']}", f"{row['lang']} all"):
            _add(figures[group], truth, found, row["lang"], seconds)
    report = {name: one.report() for name, one in sorted(figures.items())}
    for name, values in report.items():
        print(f"{name:24}", *(f"{key} {value:8}" for key, value in values.items()))
    print(json.dumps(report))


def _rows(folder: Path, kind: str, language: str) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open() as file:
        return [
            row
            for row in csv.DictReader(file)
            if (folder / row["image"]).exists()
            and _UNTRUSTED not in row["truth_quality"]
            and kind in row["kind"]
            and language in row["lang"]
        ]


def _page(path: Path, turn: Image.Transpose | None) -> PageImage:
    page = next(iter(page_images(path, _TYPES[path.suffix], 1, 1)))
    return page if turn is None else replace(page, image=page.image.transpose(turn))


def _reader_of(engine: str) -> Callable[[PageImage], str]:
    chosen = RapidEngine() if engine == RAPIDOCR else _ENGINE

    def read(page: PageImage) -> str:
        return chosen.recognise(page.image, languages=LANGUAGES, dpi=page.dpi).text

    return read


def _plain_reader() -> Callable[[PageImage], str]:
    folder, _ = tesserocr.get_languages()
    api = tesserocr.PyTessBaseAPI(
        path=folder, lang="+".join(LANGUAGES), psm=tesserocr.PSM.AUTO, oem=tesserocr.OEM.LSTM_ONLY
    )

    def read(page: PageImage) -> str:
        api.SetImage(page.image)
        text: str = api.GetUTF8Text()
        return text

    return read


def _folded(text: str, language: str) -> str:
    text = unicodedata.normalize("NFKC", text)
    return re.sub(r"\s+", "" if language == "ko" else " ", text).strip()


def _add(figures: Figures, truth: str, found: str, language: str, seconds: float) -> None:
    lines = [_folded(line, language).upper() for line in truth.splitlines()]
    truth, found = _folded(truth, language), _folded(found, language)
    figures.images += 1
    figures.characters += len(truth)
    figures.edits += _edits(truth, found)
    figures.caseless += _edits(truth.upper(), found.upper())
    figures.lines += sum(_edits(line, found.upper(), anywhere=True) for line in lines)
    missed = Counter(truth) - Counter(found)
    figures.missed += missed.total() - missed[" "]
    figures.seconds += seconds


def _edits(truth: str, found: str, *, anywhere: bool = False) -> int:
    """Levenshtein's distance; `anywhere`: to the part of `found` that fits best."""
    letters = np.array([ord(letter) for letter in found])
    steps = np.arange(len(found) + 1)
    row = np.zeros_like(steps) if anywhere else steps.copy()
    for number, letter in enumerate(truth, start=1):
        changed = np.minimum(row[1:] + 1, row[:-1] + (letters != ord(letter)))
        row = np.minimum.accumulate(np.concatenate(([number], changed)) - steps) + steps
    return int(row.min() if anywhere else row[-1])


if __name__ == "__main__":
    main()
