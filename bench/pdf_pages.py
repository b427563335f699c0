"""How fast PDF files are read: pages per second of one core, and memory.

    PYTHONPATH=. python bench/pdf_pages.py FOLDER_OR_FILES… [--rounds 3] [--merged PAGES]

Files are read twenty pages at a time, as the ingest worker does, and opened anew each time; then
passages are cut. `bare` is pypdfium2's own text of the same pages in the same run: machines
differ, the ratio to it hardly does. Only files with a text layer count, and of the rounds the
fastest; seconds are of the processor. Files that can't be opened are left out and counted.

`--merged` makes one file of that many pages out of those given and reads it too: what opening it
once more costs for a page at its end (`last_page_ms`, beside `first_page_ms`), and how much memory
a process needs that does nothing else. Memory is read from /proc, so this runs on Linux.
"""

import argparse
import itertools
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import pypdfium2 as pdfium

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import PDF
from ingest_worker.chunkers.registry import chunker_for
from ingest_worker.parsers.pdf import PdfParser
from ingest_worker.parsers.protocol import PageText

_PAGES_AT_ONCE = 20
_PAGES_LIMIT = 100_000
_PARSER = PdfParser()

Result = TypeVar("Result")


@dataclass
class Figures:
    files: int = 0
    refused: int = 0
    scans: int = 0
    pages: int = 0
    boxes: int = 0
    parse_seconds: float = 0.0
    chunk_seconds: float = 0.0
    bare_seconds: float = 0.0

    def report(self) -> dict[str, float]:
        both = self.parse_seconds + self.chunk_seconds
        return {
            **asdict(self),
            "parse_pages_per_second": round(self.pages / self.parse_seconds, 1),
            "parse_and_chunk_pages_per_second": round(self.pages / both, 1),
            "bare_pages_per_second": round(self.pages / self.bare_seconds, 1),
            "times_bare": round(both / self.bare_seconds, 2),
            "peak_megabytes": _peak_megabytes(),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--merged", type=int, default=0, metavar="PAGES")
    arguments = parser.parse_args()
    files = [file for path in arguments.paths for file in _files(path)]
    figures = Figures()
    for file in files:
        _measure(file, arguments.rounds, figures)
    report = figures.report()
    if arguments.merged:
        report |= _merged(files, arguments.merged)
    for name, value in report.items():
        print(f"{name:34} {value}")
    print(json.dumps(report))


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.pdf")) if path.is_dir() else [path]


def _measure(file: Path, rounds: int, figures: Figures) -> None:
    try:
        pages, parsing = _fastest(rounds, lambda: _pages(file))
    except DocumentFault:
        figures.refused += 1
        return
    if all(page.needs_ocr for page in pages):
        figures.scans += 1
        return
    figures.files += 1
    figures.pages += len(pages)
    figures.boxes += sum(len(page.boxes) for page in pages)
    figures.parse_seconds += parsing
    figures.chunk_seconds += _fastest(rounds, lambda: _chunk(pages))[1]
    figures.bare_seconds += _fastest(rounds, lambda: _bare(file))[1]


def _fastest(rounds: int, work: Callable[[], Result]) -> tuple[Result, float]:
    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        result = work()
        seconds.append(time.process_time() - began)
    return result, min(seconds)


def _pages(file: Path) -> list[PageText]:
    count = _PARSER.open_file(file, PDF, pages_limit=_PAGES_LIMIT).page_count
    return [
        page
        for first in range(1, count + 1, _PAGES_AT_ONCE)
        for page in _PARSER.read_pages(file, PDF, first, first + _PAGES_AT_ONCE - 1)
    ]


def _chunk(pages: list[PageText]) -> None:
    chunker = chunker_for(PDF)
    for page in pages:
        chunker.split(page.text)


def _bare(file: Path) -> None:
    with pdfium.PdfDocument(file) as document:
        for page in document:
            page.get_textpage().get_text_range()


def _merged(files: list[Path], pages: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "merged.pdf"
        _merge(files, pages, path)
        # A process of its own, begun afresh: memory that this one has had isn't the file's.
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            return pool.apply(_read_merged, (path,))


def _merge(files: list[Path], pages: int, path: Path) -> None:
    document = pdfium.PdfDocument.new()
    for file in itertools.cycle(files):
        source = pdfium.PdfDocument(file)
        room = pages - len(document)
        document.import_pages(source, pages=list(range(min(room, len(source)))))
        if len(document) == pages:
            break
    document.save(path)


def _read_merged(path: Path) -> dict[str, float]:
    before = _peak_megabytes()
    plan, opening = _fastest(1, lambda: _PARSER.open_file(path, PDF, pages_limit=_PAGES_LIMIT))
    count = plan.page_count
    pages, reading = _fastest(1, lambda: _pages(path))
    first = _fastest(3, lambda: _PARSER.read_pages(path, PDF, 1, 1))[1]
    last = _fastest(3, lambda: _PARSER.read_pages(path, PDF, count, count))[1]
    return {
        "merged_pages": len(pages),
        "merged_megabytes": round(path.stat().st_size / 1e6, 1),
        "merged_open_ms": round(opening * 1000, 1),
        "merged_pages_per_second": round(len(pages) / reading, 1),
        "first_page_ms": round(first * 1000, 1),
        "last_page_ms": round(last * 1000, 1),
        "megabytes_before": before,
        "merged_peak_megabytes": _peak_megabytes(),
    }


def _peak_megabytes() -> float:
    """Of this process since it began its program; `ru_maxrss` would count its parent's, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return round(int(line.split()[1]) / 1024, 1)


if __name__ == "__main__":
    main()
