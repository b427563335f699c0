"""What becomes of hostile files: every one of a collection, and mutations of ordinary documents.

    python bench/hostile.py FOLDER [--originals FOLDER --mutations 1000] [--ocr 40] [--seed 1]

FOLDER holds `manifest.csv` with the columns category, file and expect. Each file goes the way of an
upload: its type is found by the product's own detection, then it is opened in the sandbox, its
first pages are read, and some of those that are pictures are recognised (TESSDATA_PREFIX).

`unclear` lists files that end in anything but text or a code of DOCUMENT_FAULTS, `slow` those above
the sandbox's time limit, `password` those that need one and weren't said to. `connections` counts
who came to 127.0.0.1:9, which every address in such files should point at; `canary_read` tells
whether a file beside the documents was read. `peak_megabytes` is the largest resident memory of a
child, with what it shares with its server.
"""

import argparse
import contextlib
import csv
import json
import logging
import os
import random
import socket
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from chatbot.contracts.errors import DocumentFault, Unavailable
from chatbot.contracts.media_types import IMAGES, SAMPLE_BYTES, detect
from ingest_worker import sandbox as ingest_sandbox
from ocr_worker import sandbox as ocr_sandbox
from tests.mutations import mutated

_MEGABYTE = 1024 * 1024
_PAGES_LIMIT = 2000
_FIRST_PAGES = 8
_TIME_LIMIT_SECONDS = 100.0
"""The sandbox's own, and what a busy machine adds."""
_LARGEST_ORIGINAL = 3 * _MEGABYTE
_DISCARD_PORT = 9
_WORKERS = 2


@dataclass(frozen=True)
class Case:
    category: str
    name: str
    content: Path | bytes
    expect: str = ""


@dataclass(frozen=True)
class Outcome:
    case: Case
    code: str
    seconds: float
    peak_bytes: int
    detail: str = ""
    """Of a reader that crashed: type and place of the error."""

    @property
    def is_clear(self) -> bool:
        return not self.code.startswith(("error ", "unavailable "))


class Calls(logging.Handler):
    """What the sandbox logs of the calls of this thread: largest memory, and the last crash."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._local = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        if not isinstance(record.args, tuple):
            return
        if "call took" in str(record.msg):
            self._local.peak = max(self.peak(), json.loads(str(record.args[0]))["peak_bytes"])
        elif "crashed" in str(record.msg):
            self._local.crash = str(record.args[0])

    def peak(self) -> int:
        return getattr(self._local, "peak", 0)

    def crash(self) -> str:
        return getattr(self._local, "crash", "")

    def forget(self) -> None:
        self._local.peak, self._local.crash = 0, ""


class Tries:
    """Files tried one after the other in each thread, at most `ocr` of them with recognition."""

    def __init__(self, folder: Path, ocr: int) -> None:
        self._folder = folder
        self._calls = Calls()
        self._ocr_left = ocr
        logger = logging.getLogger("chatbot.sandbox.client")
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(self._calls)

    def __call__(self, case: Case) -> Outcome:
        self._calls.forget()
        with self._file(case) as path:
            began = time.monotonic()
            try:
                code = self._read(path, case.name)
            except DocumentFault as fault:
                code = fault.error_code
            except Unavailable as error:
                code = f"unavailable {error.error_code}"
            except Exception as error:  # noqa: BLE001 - what is looked for
                code = f"error {type(error).__name__}"
            seconds = time.monotonic() - began
            return Outcome(case, code, seconds, self._calls.peak(), self._calls.crash())

    @contextlib.contextmanager
    def _file(self, case: Case) -> Iterator[Path]:
        """Under a name without an ending, as in storage."""
        path = self._folder / f"document-{threading.get_ident()}"
        content = case.content if isinstance(case.content, bytes) else case.content.read_bytes()
        path.write_bytes(content)
        yield path
        path.unlink()

    def _read(self, path: Path, name: str) -> str:
        content = path.read_bytes()
        found = detect(head=content[:SAMPLE_BYTES], tail=content[-SAMPLE_BYTES:], name=name)
        if found is None or not content:
            return "type-unsupported" if content else "file-empty"
        plan = ingest_sandbox.open_file(path, found, pages_limit=_PAGES_LIMIT)
        pages = list(plan.pages)
        if not pages:
            last = min(plan.page_count, _FIRST_PAGES)
            pages = ingest_sandbox.read_pages(path, plan.media_type, 1, last)
        text = "".join(page.text for page in pages)
        if any(page.needs_ocr for page in pages) and self._ocr_left > 0 and found in IMAGES:
            self._ocr_left -= 1
            text = "".join(p.text for p in ocr_sandbox.recognise(path, plan.media_type, 1, 1))
            return "text by OCR" if text.strip() else "no text by OCR"
        if any(page.needs_ocr for page in pages):
            return "pictures for OCR"
        return "text" if text.strip() else "no-text"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--originals", type=Path, help="ordinary documents, to be mutated")
    parser.add_argument("--mutations", type=int, default=1000)
    parser.add_argument("--ocr", type=int, default=40, help="at most so many pictures")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    settings.configure(TESSDATA=os.environ.get("TESSDATA_PREFIX", ""), RAPIDOCR_MODEL="")
    ocr = arguments.ocr if settings.TESSDATA else 0
    cases = [*_collection(arguments.folder)]
    if arguments.originals:
        cases += _mutations(arguments.originals, arguments.mutations, arguments.seed)
    with tempfile.TemporaryDirectory() as folder, _listener() as connections:
        canary = _canary(Path(folder))
        before = canary.stat().st_atime_ns
        with ThreadPoolExecutor(_WORKERS) as pool:
            outcomes = list(pool.map(Tries(Path(folder), ocr), cases))
        was_read = canary.stat().st_atime_ns != before
    _tell(outcomes)
    print(json.dumps({**_report(outcomes), **connections, "canary_read": was_read}))


def _collection(folder: Path) -> Iterator[Case]:
    with (folder / "manifest.csv").open() as file:
        for row in csv.DictReader(file):
            path = folder / row["file"]
            if path.is_file():
                yield Case(row["category"], path.name, path, row["expect"])


def _mutations(folder: Path, count: int, seed: int) -> Iterator[Case]:
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    files = [path for path in sorted(folder.rglob("*")) if _is_readable(path)]
    for _ in range(count):
        path, other = chance.choice(files), chance.choice(files)
        content = mutated(path.read_bytes(), other.read_bytes(), chance)
        yield Case(f"mutated {path.suffix.lower()}", path.name, content)


def _is_readable(path: Path) -> bool:
    """Whether an upload of it would be accepted, and a mutation is made quickly."""
    if not path.is_file() or not 0 < path.stat().st_size < _LARGEST_ORIGINAL:
        return False
    content = path.read_bytes()
    found = detect(head=content[:SAMPLE_BYTES], tail=content[-SAMPLE_BYTES:], name=path.name)
    return found is not None and ".expected" not in path.name and ".truth" not in path.name


def _canary(folder: Path) -> Path:
    """A file whose time of access is so old that any reading of it changes that."""
    canary = folder / "canary"
    canary.write_text("of somebody else")
    os.utime(canary, (0, time.time()))
    return canary


@contextlib.contextmanager
def _listener() -> Iterator[dict[str, int | None]]:
    """Counts the connections to the port; None where it can't be listened on."""
    counted: dict[str, int | None] = {"connections": None}
    try:
        server = socket.create_server(("127.0.0.1", _DISCARD_PORT))
    except OSError:
        yield counted
        return
    with server:
        counted["connections"] = 0
        threading.Thread(target=_count, args=(server, counted), daemon=True).start()
        yield counted


def _count(server: socket.socket, counted: dict[str, int | None]) -> None:
    with contextlib.suppress(OSError):
        while True:
            server.accept()[0].close()
            counted["connections"] = (counted["connections"] or 0) + 1


def _tell(outcomes: list[Outcome]) -> None:
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.case.category].append(outcome)
    for name, group in sorted(groups.items()):
        codes = Counter(outcome.code for outcome in group)
        slowest = max(outcome.seconds for outcome in group)
        peak = max(outcome.peak_bytes for outcome in group) / _MEGABYTE
        said = ", ".join(f"{code} {count}" for code, count in codes.most_common())
        print(f"{name:22}{len(group):>5}{slowest:>7.1f} s{peak:>7.0f} MB  {said}")


def _report(outcomes: list[Outcome]) -> dict[str, object]:
    return {
        "files": len(outcomes),
        "codes": Counter(outcome.code for outcome in outcomes),
        "unclear": [_line(outcome) for outcome in outcomes if not outcome.is_clear],
        "crashed": [_line(outcome) for outcome in outcomes if "crashed" in outcome.code],
        "slow": [_line(outcome) for outcome in outcomes if outcome.seconds > _TIME_LIMIT_SECONDS],
        "password": [_line(outcome) for outcome in outcomes if _missed_password(outcome)],
        "slowest_seconds": round(max(outcome.seconds for outcome in outcomes), 1),
        "peak_megabytes": round(max(outcome.peak_bytes for outcome in outcomes) / _MEGABYTE),
    }


def _line(outcome: Outcome) -> str:
    return f"{outcome.case.category}/{outcome.case.name}: {outcome.code} {outcome.detail}".strip()


def _missed_password(outcome: Outcome) -> bool:
    expect = outcome.case.expect
    is_needed = "password needed" in expect and "text" not in expect
    return is_needed and outcome.code not in ("file-encrypted", "type-unsupported")


if __name__ == "__main__":
    main()
