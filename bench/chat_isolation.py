"""Whether reading documents slows conversations down.

Measures the time to the first token while nothing else happens ("idle") and while ten PDFs of 200
pages are being read ("loaded"), in turns, once without a brain and once with a question about one.
Run it against a running stack whose default model is the scripted server, with a folder of PDFs to
make the large ones from:

    python -m tests.fakes.inference_server --port 9100 --delay-ms 50 --rate 100 --tokens 20
    INFERENCE_URL=http://127.0.0.1:9100/v1 QUESTION_LIMIT_PER_MINUTE=10000 \
        REQUEST_LIMIT_PER_MINUTE=100000 make up
    python bench/chat_isolation.py FOLDER --url http://127.0.0.1:8080 \
        --email admin@example.com --password …

A loaded question counts only if documents were unfinished before and after it. What isn't read when
a round ends is cancelled, and everything that was made is deleted at the end.
"""

import argparse
import json
import mimetypes
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx
import pypdfium2
from chat_ttft import Api, Through, connected

PATIENCE_SECONDS = 600
FOUND = "What does the brainstem do? The brainstem keeps the body breathing.\n"
TERMINAL = {"ready", "failed", "cancelled"}
RATIO_LIMIT = 1.5
ADDED_LIMIT_MS = 20.0


class Library:
    """Brains and documents of one person, over REST."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=f"{url}/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=120,
            verify=False,
        )

    def make_brain(self, name: str) -> str:
        brain: str = self._json("POST", "brains", json={"name": name})["id"]
        return brain

    def upload(self, brain: str, file: Path) -> str:
        with file.open("rb") as content:
            media_type = mimetypes.guess_type(file)[0]
            files = {"file": (file.name, content, media_type)}
            document: str = self._json("POST", f"brains/{brain}/documents", files=files)["id"]
        return document

    def unfinished(self, brain: str) -> list[str]:
        rows = self._json("GET", f"brains/{brain}/documents?page_size=100")["results"]
        return [row["id"] for row in rows if row["state"] not in TERMINAL]

    def look(self) -> None:
        """A light request."""
        self._json("GET", "brains?page_size=20")

    def pages_done(self, brain: str) -> int:
        rows = self._json("GET", f"brains/{brain}/documents?page_size=100")["results"]
        return sum(row["pages_done"] for row in rows)

    def wait_until_read(self, brain: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.unfinished(brain):
            if time.monotonic() > deadline:
                raise SystemExit("the documents were not read in time")
            time.sleep(1)

    def clear(self, brain: str) -> None:
        """Cancels what is being read and deletes it all."""
        for document in self.unfinished(brain):
            self._http.post(f"documents/{document}/cancel")
        self.wait_until_read(brain)
        self._http.delete(f"brains/{brain}").raise_for_status()

    def _json(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        response = self._http.request(method, path, **arguments)
        if not response.is_success:
            raise SystemExit(f"{path}: {response.status_code} {response.text}")
        return response.json()


def joined_pdfs(folder: Path, *, count: int, pages: int, to: Path) -> list[Path]:
    """Large PDFs from the pages of small ones; each begins elsewhere, so that no two are equal."""
    with ExitStack() as stack:
        sources = [
            stack.enter_context(document)
            for file in sorted(folder.rglob("*.pdf"))
            if (document := opened(file)) is not None
        ]
        places = [(source, page) for source in sources for page in range(len(source))]
        if not places:
            raise SystemExit(f"no PDF in {folder}")
        made = []
        for number in range(count):
            target = stack.enter_context(pypdfium2.PdfDocument.new())
            start = number * 7 % len(places)
            for source, page in islice(cycle(places), start, start + pages):
                target.import_pages(source, [page])
            made.append(to / f"joined-{time.time_ns()}-{number}.pdf")
            target.save(made[-1])
    return made


def opened(file: Path) -> pypdfium2.PdfDocument | None:
    """The document; None for one that is damaged or wants a password."""
    try:
        return pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError:
        return None


@contextmanager
def loaded(library: Library, files: list[Path]) -> Iterator[str]:
    """A brain in which the files are being read."""
    brain = library.make_brain("isolation: load")
    try:
        for file in files:
            library.upload(brain, file)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not library.pages_done(brain) and time.monotonic() < deadline:
            time.sleep(0.5)
        yield brain
    finally:
        library.clear(brain)


def ask_all(ways: dict[str, Through], questions: int) -> dict[str, list[float]]:
    """Milliseconds to the first token of so many questions of each kind, in turns."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(questions):
        for name, way in ways.items():
            found[name].append(way.first_token_ms())
    return found


def ask_while_loaded(
    ways: dict[str, Through], questions: int, library: Library, brain: str
) -> dict[str, list[float]]:
    """`ask_all`, as long as documents are being read."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(questions):
        once = ask_all(ways, 1)
        if not library.unfinished(brain):
            break
        for name, values in once.items():
            found[name] += values
    return found


def measure(arguments: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    """Milliseconds by kind of question and by load."""
    api = Api(arguments.url, arguments.email, arguments.password)
    library = Library(arguments.url, api.token)
    with ExitStack() as stack:
        to = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="isolation-")))
        asked = library.make_brain("isolation: asked")
        stack.callback(library.clear, asked)
        [small] = joined_pdfs(arguments.folder, count=1, pages=10, to=to)
        library.upload(asked, small)
        # The question has to find something, or no model is asked.
        found_text = to / "brainstem.txt"
        found_text.write_text(FOUND)
        library.upload(asked, found_text)
        library.wait_until_read(asked)
        socket = stack.enter_context(connected(arguments.url, api.token))
        ways = {
            "without a brain": Through(socket, api, None),
            "with a brain": Through(socket, api, asked),
        }
        ask_all(ways, arguments.warm_up)
        found: dict[str, dict[str, list[float]]] = {
            name: {"idle": [], "loaded": []} for name in ways
        }
        for number in range(arguments.rounds):
            idle = ask_all(ways, arguments.questions)
            files = joined_pdfs(
                arguments.folder, count=arguments.documents, pages=arguments.pages, to=to
            )
            with loaded(library, files) as brain:
                busy = ask_while_loaded(ways, arguments.questions, library, brain)
            for name in ways:
                found[name]["idle"] += idle[name]
                found[name]["loaded"] += busy[name]
            print(f"round {number + 1}: {len(busy['with a brain'])} loaded questions", flush=True)
    return found


def report(found: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, float | int | bool]]:
    """Medians and 95th percentiles; `holds`: at most 1.5 times idle, or 20 ms more."""
    figures: dict[str, dict[str, float | int | bool]] = {}
    for kind, loads in found.items():
        if min(map(len, loads.values())) < 2:
            raise SystemExit("too few questions were asked while documents were read")
        idle, busy = statistics.median(loads["idle"]), statistics.median(loads["loaded"])
        figures[kind] = {
            "idle_median_ms": round(idle, 2),
            "idle_p95_ms": round(statistics.quantiles(loads["idle"], n=20)[-1], 2),
            "loaded_median_ms": round(busy, 2),
            "loaded_p95_ms": round(statistics.quantiles(loads["loaded"], n=20)[-1], 2),
            "ratio": round(busy / idle, 3),
            "questions": len(loads["loaded"]),
            "holds": busy <= max(RATIO_LIMIT * idle, idle + ADDED_LIMIT_MS),
        }
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="PDFs to make large ones from")
    parser.add_argument("--url", required=True, help="front door, http://host:port")
    parser.add_argument("--email", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--questions", type=int, default=50, help="of each kind, per round and load"
    )
    parser.add_argument("--warm-up", type=int, default=5)
    parser.add_argument("--documents", type=int, default=10)
    parser.add_argument("--pages", type=int, default=200)
    figures = report(measure(parser.parse_args()))
    print(f"{'ms to the first token':24}{'idle':>9}{'p95':>9}{'loaded':>9}{'p95':>9}{'ratio':>8}")
    for kind, row in figures.items():
        print(
            f"{kind:24}{row['idle_median_ms']:9.2f}{row['idle_p95_ms']:9.2f}"
            f"{row['loaded_median_ms']:9.2f}{row['loaded_p95_ms']:9.2f}{row['ratio']:8.2f}"
            f"  {'holds' if row['holds'] else 'DOES NOT HOLD'}"
        )
    print(json.dumps({"bench": "chat_isolation", **figures}))


if __name__ == "__main__":
    main()
