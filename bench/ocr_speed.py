"""What reading scans costs beside Tesseract alone: pages a second, and seconds of a core per page.

    python bench/ocr_speed.py FOLDER [--pages 64] [--rounds 3]

FOLDER holds `manifest.csv` and images, as for `ocr.py`; a scan is made of its pages. Starts the
whole stack of `make up` with a model server that embeds at once, and has the scan read three ways,
in turns:

bare      two processes draw pages and read them with Tesseract (same data, languages, mode and
          dots per inch, layout AUTO), keep no text, and do nothing else; as nice as the OCR worker
fan_out   an upload, read by the real OCR worker with its usual slots, whose sandboxed reader does
          as much: no page is turned, evened, straightened or softened before
prepared  the same with the usual reader

Pages a second are over the mean time of two workers, each from the first page that anybody began to
the end of its own last one: who has nothing left to do doesn't count against a variant whose jobs
are longer. `ocr_s` is what a page takes of a core in processes that read; `beside_s` in all others
of the stack, which index pages meanwhile, and idle beside `bare`. `between_jobs` is the share of
the time in which a worker had no job.

Ratios are those to `bare` of the same round, and the median of all rounds: `ratio` of pages a
second; `free_ratio` of pages a second of what other work on the machine left of the cores (the
short-lived keepers of readers count as such); `paced_ratio` the same, on cores as fast as they were
then (see `core_pace.py`); `cpu_ratio` of `ocr_s`. Only the first holds bars, and only on a machine
of one's own.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ingest_rig import running_rig
from ocr_speed_rig import Turn, bare, drain_usual_worker, paced, scan_of, through

BARS: Final = {"fan_out": 0.95, "prepared": 0.7}
"""Pages a second, to those of `bare`."""
_READERS: Final = {"fan_out": "bench.ocr_plain_child", "prepared": "ocr_worker.engines.child"}
_WARM_PAGES: Final = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--pages", type=int, default=64, help="more than 20: shorter documents get a third slot"
    )
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    scan = scan_of(arguments.folder, arguments.pages)
    warm = scan_of(arguments.folder, _WARM_PAGES)
    found: dict[str, list[Turn]] = {"bare": [], **{name: [] for name in BARS}}
    with running_rig() as rig, tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(scan)
        file.flush()
        drain_usual_worker()
        play: dict[str, Callable[[], Turn]] = {
            "bare": lambda: bare(rig, Path(file.name), arguments.pages),
            "fan_out": lambda: through(rig, scan, warm, reader=_READERS["fan_out"]),
            "prepared": lambda: through(rig, scan, warm, reader=_READERS["prepared"]),
        }
        names = list(play)
        for number in range(arguments.rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                turn = paced(play[name])
                found[name].append(turn)
                print(f"round {number + 1} {name:10}", _shown(turn), flush=True)
    report = _report(found)
    report["wrong"] = sum(arguments.pages - one.pages for turns in found.values() for one in turns)
    print(json.dumps({"bench": "ocr_speed", "pages": arguments.pages, **report}))


def _shown(turn: Turn) -> str:
    figures = {
        "pages_per_s": turn.pages_per_second,
        "ocr_s": turn.ocr_seconds / turn.pages,
        "beside_s": turn.beside_seconds / turn.pages,
        "between_jobs": turn.between_jobs,
        "pace_ms": turn.pace_ms,
        "foreign_cores": turn.foreign_cores,
    }
    return " ".join(f"{key} {value:.3f}" for key, value in figures.items())


def _report(found: dict[str, list[Turn]]) -> dict[str, object]:
    figures = {
        name: {
            key: round(statistics.median(map(value, found["bare"], found[name])), 3)
            for key, value in _FIGURES.items()
        }
        for name in BARS
    }
    for name, row in figures.items():
        print(f"{name:10}", *(f"{key} {value}" for key, value in row.items()))
    missed = [name for name, bar in BARS.items() if figures[name]["ratio"] < bar]
    return {**figures, "missed": missed}


_FIGURES: Final[dict[str, Callable[[Turn, Turn], float]]] = {
    "ratio": lambda bare, one: one.pages_per_second / bare.pages_per_second,
    "free_ratio": lambda bare, one: one.pages_per_free_second / bare.pages_per_free_second,
    "paced_ratio": lambda bare, one: (
        (one.pages_per_free_second * one.pace_ms) / (bare.pages_per_free_second * bare.pace_ms)
    ),
    "cpu_ratio": lambda bare, one: bare.ocr_seconds / bare.pages / (one.ocr_seconds / one.pages),
    "beside_share": lambda _, one: one.beside_seconds / (one.ocr_seconds + one.beside_seconds),
    "between_jobs": lambda _, one: one.between_jobs,
    "characters": lambda bare, one: one.characters / bare.characters,
}
"""Of two turns of one round."""


if __name__ == "__main__":
    main()
