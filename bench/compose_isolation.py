"""Whether reading scans slows anybody down, on the stack of compose.yaml, through nginx and TLS.

Measures the time to the first token and a light request of REST while nothing else happens ("idle")
and while fifty scans are being read ("loaded"), in turns within one run. The default model is
the scripted server, so that what is measured is ours:

    python -m tests.fakes.inference_server --host 172.17.0.1 --port 9100 --delay-ms 50 --rate 100 \
        --tokens 20
    make secrets    # then in .env: INFERENCE_URL=http://host.docker.internal:9100/v1, and far above
                    # what is asked QUESTION_LIMIT_PER_MINUTE, REQUEST_LIMIT_PER_MINUTE,
                    # REQUESTS_PER_SECOND
    docker compose up --wait
    python bench/compose_isolation.py FOLDER_OF_SCANS --url https://localhost --email … --password …

What is loaded counts only while scans are unfinished. `holds`: the 95th percentile of loaded is at
most 1.2 times that of idle, or 20 ms more.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from chat_isolation import Library
from chat_ttft import Api, Through, connected

SUFFIXES: Final = {".png", ".jpg", ".jpeg", ".tif", ".tiff"}
SMALLEST_BYTES: Final = 100_000
"""Whole pages; lines and words are smaller."""
RATIO_LIMIT: Final = 1.2
ADDED_LIMIT_MS: Final = 20.0
BEGUN_SECONDS: Final = 120
Found = dict[str, dict[str, list[float]]]


class People:
    """Somebody who asks, and somebody who looks at a list."""

    def __init__(self, through: Through, library: Library) -> None:
        self._through = through
        self._library = library

    def once(self) -> dict[str, float]:
        """Milliseconds of each."""
        began = time.perf_counter()
        self._library.look()
        looked = time.perf_counter() - began
        return {"first token": self._through.first_token_ms(), "REST": looked * 1000}


def scans(folder: Path, *, count: int, to: Path) -> list[Path]:
    """Copies with other bytes at the end: what has been read once isn't read again."""
    pages = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES and file.stat().st_size >= SMALLEST_BYTES
    )
    if not pages:
        raise SystemExit(f"no scans in {folder}")
    made = []
    for number, page in enumerate(islice(cycle(pages), count)):
        made.append(to / f"{time.time_ns()}-{number}{page.suffix}")
        made[-1].write_bytes(page.read_bytes() + str(time.time_ns()).encode())
    return made


@contextmanager
def reading(library: Library, files: list[Path]) -> Iterator[str]:
    """A brain whose scans are being read."""
    brain = library.make_brain("isolation: scans")
    try:
        for file in files:
            library.upload(brain, file)
        deadline = time.monotonic() + BEGUN_SECONDS
        while not library.pages_done(brain) and time.monotonic() < deadline:
            time.sleep(0.5)
        yield brain
    finally:
        library.clear(brain)


def measure(arguments: argparse.Namespace) -> Found:
    """Milliseconds by kind and load."""
    found: Found = {kind: {"idle": [], "loaded": []} for kind in ("first token", "REST")}
    api = Api(arguments.url, arguments.email, arguments.password)
    library = Library(arguments.url, api.token)
    with ExitStack() as stack:
        to = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="isolation-")))
        socket = stack.enter_context(connected(arguments.url, api.token))
        people = People(Through(socket, api, None), library)
        for _ in range(arguments.warm_up):
            people.once()
        for number in range(arguments.rounds):
            for _ in range(arguments.questions):
                add(found, "idle", people.once())
            with reading(library, scans(arguments.folder, count=arguments.scans, to=to)) as brain:
                asked = 0
                while asked < arguments.questions:
                    once = people.once()
                    if not library.unfinished(brain):
                        break
                    add(found, "loaded", once)
                    asked += 1
            print(f"round {number + 1}: {asked} questions while scans were read", flush=True)
    return found


def add(found: Found, load: str, once: dict[str, float]) -> None:
    for kind, milliseconds in once.items():
        found[kind][load].append(milliseconds)


def report(found: Found) -> dict[str, dict[str, float | bool]]:
    figures: dict[str, dict[str, float | bool]] = {}
    for kind, loads in found.items():
        if min(map(len, loads.values())) < 20:
            raise SystemExit("too few questions were asked while scans were read")
        idle, loaded = (statistics.quantiles(loads[load], n=20)[-1] for load in ("idle", "loaded"))
        figures[kind] = {
            "idle_median_ms": round(statistics.median(loads["idle"]), 2),
            "idle_p95_ms": round(idle, 2),
            "loaded_median_ms": round(statistics.median(loads["loaded"]), 2),
            "loaded_p95_ms": round(loaded, 2),
            "p95_ratio": round(loaded / idle, 3),
            "questions": len(loads["loaded"]),
            "holds": loaded <= max(RATIO_LIMIT * idle, idle + ADDED_LIMIT_MS),
        }
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="scanned pages as images")
    parser.add_argument("--url", required=True, help="nginx, https://host:port")
    parser.add_argument("--email", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=60, help="per round and load")
    parser.add_argument("--scans", type=int, default=50, help="per round")
    parser.add_argument("--warm-up", type=int, default=10)
    figures = report(measure(parser.parse_args()))
    print(f"{'ms':14}{'idle':>9}{'p95':>9}{'loaded':>9}{'p95':>9}{'ratio':>8}")
    for kind, row in figures.items():
        print(
            f"{kind:14}{row['idle_median_ms']:9.2f}{row['idle_p95_ms']:9.2f}"
            f"{row['loaded_median_ms']:9.2f}{row['loaded_p95_ms']:9.2f}{row['p95_ratio']:8.2f}"
            f"  {'holds' if row['holds'] else 'DOES NOT HOLD'}"
        )
    print(json.dumps({"bench": "compose_isolation", **figures}))


if __name__ == "__main__":
    main()
