"""Tesseract alone: reads pages of a PDF and keeps nothing of them.

    TESSDATA_PREFIX=… python bench/ocr_bare.py FILE DPI LANGUAGES < NUMBERS

`ocr_speed.py` starts several that share one pipe: numbers of pages, from 1, of `NUMBER` bytes each.
Whoever is free takes the next. Prints "ready" once the data are loaded, and at the end a line of
JSON: when it began its first page and ended its last one, by `time.time`, and what it took of a
core meanwhile, in seconds; pages and characters.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Final

import pypdfium2 as pdfium
import tesserocr

NUMBER: Final = 4
_POINTS_PER_INCH: Final = 72


def main(file: str, dpi: int, languages: str) -> None:
    folder, _ = tesserocr.get_languages()
    api = tesserocr.PyTessBaseAPI(
        path=folder, lang=languages, psm=tesserocr.PSM.AUTO, oem=tesserocr.OEM.LSTM_ONLY
    )
    document = pdfium.PdfDocument(file)
    print("ready", flush=True)
    began, cpu, pages, characters = 0.0, 0.0, 0, 0
    for number in _numbers():
        if not pages:
            began, cpu = time.time(), time.process_time()
        image = document[number - 1].render(scale=dpi / _POINTS_PER_INCH, grayscale=True).to_pil()
        api.SetImage(image)
        api.SetSourceResolution(dpi)
        pages += 1
        characters += len(api.GetUTF8Text())
    found = {"began": began, "ended": time.time(), "cpu_seconds": time.process_time() - cpu}
    print(json.dumps({**found, "pages": pages, "characters": characters}))


def _numbers() -> Iterator[int]:
    while told := os.read(sys.stdin.fileno(), NUMBER):
        yield int.from_bytes(told)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
