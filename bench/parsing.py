"""How much of a document's text is read, and how fast: token recall and precision by format.

    python bench/parsing.py FOLDER [--format docx] [--files]

The folder holds `manifest.csv` with the columns format, file and expected; `expected` names files,
each with a remark in brackets, separated by semicolons. Files are read as the ingest worker reads
them: in the sandboxed child, with its limits. OCR isn't run: `ocr` counts the pages that ask
for it.

Tokens are words, digits and underscores in a row, in lower case, after NFKC, without underscores at
their ends. `recall` is how many of the expected tokens were found, each as often as expected;
`precision` how many of the found ones were expected. Both are means over files, refused ones
counting as nothing read; `pooled` is over the tokens of all files of a format.

Where there are several expected texts the first of truth.txt, txt, json and md counts. JSON is a
list of elements with "text". Of Markdown only what no reader shows is taken away: HTML comments,
names of HTML tags, targets of links and pictures, rulers of tables, escapes and entities; and what
one converter writes above each document: a title of its own, and the size of the paper or the
program's version. Formulas written as LaTeX and the like are left: a reader that writes them
otherwise loses there.

`judged` are the files with an expected text. Two kinds have one and aren't judged: `blank` ones,
whose expected text is empty, and those whose expected text is a dump of bytes (`dumps`). Where
fewer than fifteen are judged a mean says little: files below the bar are listed with their figure.
"""

import argparse
import csv
import html
import json
import re
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import SAMPLE_BYTES, detect, directory_place
from ingest_worker import sandbox
from ingest_worker.parsers.protocol import PageText

_PREFERRED = (".truth.txt", ".expected.txt", ".expected.json", ".expected.md")
_BARS = {"html": 0.98, "pdf": 0.90, "pptx": 0.92}
_OTHER_BAR = 0.95
_FEW_FILES = 15
_PAGES_LIMIT = 10_000
_PAGES_AT_ONCE = 50
_UNKNOWN = "application/octet-stream"

_INVISIBLE = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>\n]*>", re.DOTALL)
_LINK = re.compile(r"\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+\"[^\"\n]*\")?\)")
_RULER = re.compile(r"^[ \t]*\|?(?:[ \t]*:?-{2,}:?[ \t]*\|?)+[ \t]*$", re.MULTILINE)
_PREAMBLE = re.compile(r"\A# HWP 문서\s+\*\*(?:용지 크기|버전)\*\*:[^\n]*")
_DUMP = re.compile(r"\s*[0-9a-f]{1000,}\s*")
"""Bytes in hexadecimal."""
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


@dataclass
class Reading:
    """What one file gave."""

    file: str
    code: str = ""
    pages: int = 0
    ocr: int = 0
    seconds: float = 0.0
    tokens: Counter[str] = field(default_factory=Counter)
    expected: Counter[str] | None = None
    is_dump: bool = False
    """Whether the expected text is none; then `expected` is None."""

    @property
    def is_blank(self) -> bool:
        return self.expected is not None and not self.expected

    @property
    def shared(self) -> int:
        return (self.tokens & (self.expected or Counter())).total()

    @property
    def recall(self) -> float:
        return _share(self.shared, (self.expected or Counter()).total())

    @property
    def precision(self) -> float:
        return _share(self.shared, self.tokens.total())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--format", default="", help="only this one")
    parser.add_argument(
        "--files", action="store_true", help="list each file below its bar, or refused"
    )
    arguments = parser.parse_args()
    sandbox.start()
    readings: dict[str, list[Reading]] = defaultdict(list)
    for row in _rows(arguments.folder, arguments.format):
        readings[row["format"]].append(_reading(arguments.folder, row))
    report = {name: _figures(found) for name, found in sorted(readings.items())}
    for name, values in report.items():
        print(f"{name:9}", *(f"{key} {value}" for key, value in values.items()), sep="  ")
    for name, found in sorted(readings.items()):
        _list_files(name, found, everything=arguments.files)
    print(json.dumps(report))


def _rows(folder: Path, wanted: str) -> Iterator[dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if (folder / row["file"]).is_file() and wanted in {"", row["format"]}:
                yield row


def _reading(folder: Path, row: dict[str, str]) -> Reading:
    path = folder / row["file"]
    reading = Reading(row["file"])
    text = _expected(folder, row["expected"])
    if text is not None:
        reading.is_dump = _DUMP.fullmatch(text) is not None
        reading.expected = None if reading.is_dump else _tokens(text)
    began = time.perf_counter()
    try:
        for page in _pages(path):
            reading.pages += 1
            reading.ocr += page.needs_ocr
            reading.tokens += _tokens(page.text)
    except DocumentFault as fault:
        reading.code = fault.error_code
    reading.seconds = time.perf_counter() - began
    return reading


def _pages(path: Path) -> Iterator[PageText]:
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
        file.seek(max(0, path.stat().st_size - SAMPLE_BYTES))
        tail = file.read()
        file.seek(directory_place(head) or 0)
        directory = file.read(SAMPLE_BYTES)
    found = detect(head=head, tail=tail, name=path.name, directory=directory) or _UNKNOWN
    plan = sandbox.open_file(path, found, pages_limit=_PAGES_LIMIT)
    if plan.pages:
        yield from plan.pages
        return
    for first in range(1, plan.page_count + 1, _PAGES_AT_ONCE):
        last = min(first + _PAGES_AT_ONCE - 1, plan.page_count)
        yield from sandbox.read_pages(path, plan.media_type, first, last)


def _expected(folder: Path, listed: str) -> str | None:
    names = [entry.split(" (")[0].strip() for entry in listed.split(";") if entry.strip()]
    for ending in _PREFERRED:
        for name in names:
            if name.endswith(ending) and (folder / name).is_file():
                return _text_of(folder / name)
    return None


def _text_of(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".json":
        return "\n".join(element.get("text", "") for element in json.loads(text))
    if path.suffix == ".md":
        text = _INVISIBLE.sub(" ", _PREAMBLE.sub("", text))
        text = _RULER.sub("", _LINK.sub("]", text))
        return html.unescape(_ESCAPE.sub(r"\1", text))
    return text


def _tokens(text: str) -> Counter[str]:
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).lower())
    return Counter(filter(None, (word.strip("_") for word in words)))


def _figures(found: list[Reading]) -> dict[str, object]:
    judged = [one for one in found if one.expected]
    shared = sum(one.shared for one in judged)
    expected = sum((one.expected or Counter()).total() for one in judged)
    seconds = sum(one.seconds for one in found)
    pages = sum(one.pages for one in found)
    read = sum(not one.code for one in found)
    figures: dict[str, object] = {"files": len(found), "read": read, "judged": len(judged)}
    if judged:
        figures["recall"] = round(fmean(one.recall for one in judged), 4)
        figures["pooled"] = round(_share(shared, expected), 4)
        figures["precision"] = round(fmean(one.precision for one in judged), 4)
    if blank := sum(one.is_blank for one in found):
        figures["blank"] = blank
    if dumps := sum(one.is_dump for one in found):
        figures["dumps"] = dumps
    figures["pages"] = pages
    figures["ocr"] = sum(one.ocr for one in found)
    figures["seconds"] = round(seconds, 2)
    figures["pages_per_second"] = round(_share(pages, seconds), 1)
    figures["refused"] = dict(Counter(one.code for one in found if one.code))
    return figures


def _list_files(name: str, found: list[Reading], *, everything: bool) -> None:
    bar = _BARS.get(name, _OTHER_BAR)
    few = sum(bool(one.expected) for one in found) < _FEW_FILES
    for one in sorted(found, key=lambda one: one.file):
        if everything and one.code:
            print(f"{one.code:16} {one.file}")
        elif one.expected and one.recall < bar and (few or everything):
            print(f"recall {one.recall:.4f}    {one.file}")
        elif one.is_blank and one.tokens:
            print(f"more than blank  {one.file}")


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


if __name__ == "__main__":
    main()
