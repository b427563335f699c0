"""What reading scans costs beside Tesseract alone: pages a second, and seconds of a core per page.

    python bench/ocr_speed.py FOLDER [--pages 64] [--rounds 3] [--alone]

FOLDER holds `manifest.csv` and images, as for `ocr.py`; a scan is made of its pages. Starts the
whole stack of `make up` with a model server that embeds at once, and has the scan read in two ways:

fan_out   an upload, read by the real OCR worker with its usual slots, whose sandboxed reader does
          as much as `bare`: no page is turned, evened, straightened or softened before
prepared  the same with the usual reader

each beside `bare`: two processes draw the same pages and read them with Tesseract (same data,
languages, mode and dots per inch, layout AUTO), keep no text, and do nothing else; as nice as the
OCR worker. The workers and `bare` take turns, some seconds each, and whoever hasn't the machine is
stopped; so both meet the same machine, however fast it is at the time, and a side's seconds are
those that it had. What is idle of the stack (chat, web, scheduler, databases) runs beside both, for
it isn't what reading costs; with `--alone` all of the stack is stopped while `bare` reads.

Pages a second are over the mean time of two workers, each from the first page that anybody began to
the end of its own last one: who has nothing left to do doesn't count against a variant whose jobs
are longer. `ocr_s` is what a page takes of a core in processes that read; `beside_s` in all others
of the stack, idle ones included, which index pages meanwhile. `between_jobs` is the share of the
time in which a worker had no job. Ratios are those to `bare`, and the median of all rounds: `ratio`
of pages a second, `cpu_ratio` of `ocr_s`.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ingest_rig import running_rig
from ocr_speed_rig import Pair, Turn, compare, drain_usual_worker, scan_of

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
    parser.add_argument("--alone", action="store_true", help="`bare` has the machine for itself")
    arguments = parser.parse_args()
    scan = scan_of(arguments.folder, arguments.pages)
    warm = scan_of(arguments.folder, _WARM_PAGES)
    found: dict[str, list[Pair]] = {name: [] for name in BARS}
    with running_rig() as rig, tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(scan)
        file.flush()
        drain_usual_worker()
        for number in range(arguments.rounds):
            for name, reader in _READERS.items():
                pair = compare(
                    rig, Path(file.name), scan, warm, reader=reader, alone=arguments.alone
                )
                found[name].append(pair)
                for side, turn in zip(("bare", name), pair, strict=True):
                    print(f"round {number + 1} {side:10}", _shown(turn), flush=True)
    report = _report(found)
    turns = [turn for pairs in found.values() for pair in pairs for turn in pair]
    report["wrong"] = sum(arguments.pages - turn.pages for turn in turns)
    setting = {"pages": arguments.pages, "alone": arguments.alone}
    print(json.dumps({"bench": "ocr_speed", **setting, **report}))


def _shown(turn: Turn) -> str:
    figures = {
        "pages_per_s": turn.pages_per_second,
        "ocr_s": turn.ocr_seconds / turn.pages,
        "beside_s": turn.beside_seconds / turn.pages,
        "between_jobs": turn.between_jobs,
    }
    return " ".join(f"{key} {value:.3f}" for key, value in figures.items())


def _report(found: dict[str, list[Pair]]) -> dict[str, object]:
    figures = {
        name: {
            key: round(statistics.median(value(bare, one) for bare, one in pairs), 3)
            for key, value in _FIGURES.items()
        }
        for name, pairs in found.items()
    }
    for name, row in figures.items():
        print(f"{name:10}", *(f"{key} {value}" for key, value in row.items()))
    missed = [name for name, bar in BARS.items() if figures[name]["ratio"] < bar]
    return {**figures, "missed": missed}


_FIGURES: Final[dict[str, Callable[[Turn, Turn], float]]] = {
    "ratio": lambda bare, one: one.pages_per_second / bare.pages_per_second,
    "cpu_ratio": lambda bare, one: bare.ocr_seconds / bare.pages / (one.ocr_seconds / one.pages),
    "beside_share": lambda _, one: one.beside_seconds / (one.ocr_seconds + one.beside_seconds),
    "between_jobs": lambda _, one: one.between_jobs,
    "characters": lambda bare, one: one.characters / bare.characters,
}
"""Of two turns that were taken beside each other."""


if __name__ == "__main__":
    main()
