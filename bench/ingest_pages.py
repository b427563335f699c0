"""How fast the whole pipeline is, and how much its workers take.

    python bench/ingest_pages.py [--pages 1000] [--files 1] [--scan]

Starts the whole stack of `make up` with a model server that embeds at once, and uploads PDFs with a
text layer that it makes itself (with `--scan`, pictures of pages). Pages a second are from the
upload to the last page that search finds; `pace_ms` is what a fixed piece of work took of a core
meanwhile (`core_pace.py`): runs of different pace can't be compared. Memory is proportional (PSS)
and the largest seen: of the worker's process and guard, without the sandbox that has limits of its
own.
"""

import argparse
import json
import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from typing import Final

import psutil
from chat_rig import beside
from ingest_documents import scanned_pdf, text_pdf
from ingest_rig import MEGABYTE, Rig, Sample, running_rig, wait_for_end

BARS: Final = {"ingest_worker": 300, "ocr_worker": 350}
"""Megabytes."""
_LOOK_SECONDS: Final = 1.0
_END_SECONDS: Final = 3600.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--pages", type=int, default=1000, help="of each file")
    parser.add_argument("--files", type=int, default=1)
    parser.add_argument("--scan", action="store_true", help="pictures of pages, for OCR")
    arguments = parser.parse_args()
    contents = [
        scanned_pdf(arguments.pages)[0] if arguments.scan else text_pdf(arguments.pages, seed=seed)
        for seed in range(arguments.files)
    ]
    with running_rig() as rig:
        person = rig.person("reader")
        warm = person.upload(Sample("warm.pdf", text_pdf(3, seed=-1))).document
        wait_for_end([warm], seconds=_END_SECONDS)
        with ExitStack() as watching:
            most = watching.enter_context(_watched(rig))
            paces = [
                watching.enter_context(beside("core_pace.py", str(core)))
                for core in sorted(os.sched_getaffinity(0))
            ]
            began = time.monotonic()
            documents = [
                person.upload(Sample(f"{number}.pdf", content)).document
                for number, content in enumerate(contents)
            ]
            wait_for_end(documents, seconds=_END_SECONDS)
            seconds = time.monotonic() - began
    pages = arguments.pages * arguments.files
    report = {
        "bench": "ingest_pages",
        "pages": pages,
        "scan": arguments.scan,
        "seconds": round(seconds, 1),
        "pages_per_second": round(pages / seconds, 1),
        "pace_ms": round(statistics.median(chain(*paces)), 2),
        "most_mb": most,
        "missed": [name for name, bar in BARS.items() if most[name] > bar],
    }
    for key, value in report.items():
        print(f"{key:20}{value}")
    print(json.dumps(report))


@contextmanager
def _watched(rig: Rig) -> Iterator[dict[str, float]]:
    """The most memory that each worker takes while the block runs; complete at the end."""
    most = dict.fromkeys(BARS, 0.0)
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_SECONDS):
            for name in most:
                with suppress(psutil.Error, ValueError):
                    most[name] = max(most[name], _megabytes(rig.process_named(name)))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


def _megabytes(worker: psutil.Process) -> float:
    family = [worker, *filter(None, [worker.parent()])]
    own = [one for one in family if "chatbot.worker_guard" in one.cmdline() or one == worker]
    return round(sum(one.memory_full_info().pss for one in own) / MEGABYTE, 1)


if __name__ == "__main__":
    main()
