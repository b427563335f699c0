"""Whether anybody waits behind somebody else's documents.

    python bench/ingest_fairness.py flood long first-pages

Starts the whole stack of `make up` with scripted model servers, and makes its own documents.

flood        one person uploads 2,000 files; how long one page of somebody else's waits to be begun
long         a PDF of 1,000 pages beside 50 of one page: when the small ones are ready
first-pages  a scan of 300 pages answers a question about its first pages; how far it was by then
"""

import argparse
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from ingest_documents import scanned_pdf, text_pdf
from ingest_rig import Person, Rig, Sample, each_in_a_process, running_rig, wait_for_end

UPLOADS_AT_ONCE: Final = 8
FLOOD_FILES: Final = 2000
PROBES: Final = 10
STARTED_SECONDS: Final = 3.0
LONG_PAGES: Final = 1000
SMALL_DOCUMENTS: Final = 50
SMALL_READY_SECONDS: Final = 30.0
SCANNED_PAGES: Final = 300
END_SECONDS: Final = 1800.0
ANSWER_SECONDS: Final = 300.0


def flood(rig: Rig, size: int) -> dict[str, Any]:
    """A page is uploaded now and then while thousands of files of somebody else wait."""
    heavy, light = rig.person("heavy"), rig.person("light")
    files = [Sample(f"{number}.pdf", text_pdf(3, seed=number)) for number in range(size)]
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as threads:
        list(threads.map(heavy.upload, files))
    waited, behind = [], []
    for number in range(PROBES):
        behind.append(_unfinished(heavy))
        sample = Sample("note.txt", f"A short note, number {number}.".encode())
        waited.append(_seconds_until_begun(light.upload(sample).document))
        time.sleep(1)
    late = [seconds for seconds in waited if seconds > STARTED_SECONDS]
    return {
        "files": size,
        "unfinished_before_each": behind,
        "begun_after_median_s": round(statistics.median(waited), 2),
        "begun_after_max_s": round(max(waited), 2),
        "wrong": len(late) + (min(behind) == 0),
    }


def long(rig: Rig, size: int) -> dict[str, Any]:
    """Small documents overtake a huge one, and each page is read once."""
    person = rig.person("reader")
    huge = person.upload(Sample("huge.pdf", text_pdf(size, seed=0))).document
    began = time.monotonic()
    small = [
        person.upload(Sample(f"{number}.pdf", text_pdf(1, seed=number))).document
        for number in range(1, SMALL_DOCUMENTS + 1)
    ]
    wait_for_end(small, seconds=END_SECONDS)
    ready = time.monotonic() - began
    pages = _pages_done(huge)
    wait_for_end([huge], seconds=END_SECONDS)
    attempts, jobs = _attempts(huge)
    return {
        "pages": size,
        "small_ready_s": round(ready, 1),
        "huge_pages_by_then": pages,
        "huge_ready_s": round(time.monotonic() - began, 1),
        "jobs": jobs,
        "attempts": attempts,
        "wrong": (ready > SMALL_READY_SECONDS) + (attempts != jobs),
    }


def first_pages(rig: Rig, size: int) -> dict[str, Any]:
    """Somebody asks about the beginning of a scan that is far from read."""
    person = rig.person("asker")
    content, words = scanned_pdf(size)
    document = person.upload(Sample("scan.pdf", content)).document
    began = time.monotonic()
    pages: list[int] = []
    while not pages and time.monotonic() - began < ANSWER_SECONDS:
        time.sleep(1)
        answer = person.ask(f"What is said about {words}?")
        pages = [one["page_from"] for one in answer["citations"] if one["document"] == document]
    done = _pages_done(document)
    return {
        "pages": size,
        "answered_after_s": round(time.monotonic() - began, 1),
        "cited_pages": pages,
        "pages_done_by_then": done,
        "wrong": (not pages) + (done >= size),
    }


SCENES: Final = {
    "flood": (flood, FLOOD_FILES),
    "long": (long, LONG_PAGES),
    "first-pages": (first_pages, SCANNED_PAGES),
}


def _unfinished(person: Person) -> int:
    from chatbot.documents.models import (  # noqa: PLC0415 - Django is set up by now
        UNFINISHED_STATES,
        DocumentVersion,
    )

    versions = DocumentVersion.objects.filter(document__created_by=person.user)
    return versions.filter(state__in=UNFINISHED_STATES).count()


def _seconds_until_begun(document: str) -> float:
    """From the upload's commit to the first claim."""
    from chatbot.documents.models import JobAttempt  # noqa: PLC0415 - Django is set up by now

    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline:
        first = JobAttempt.objects.filter(job__version__document_id=document).first()
        if first is not None:
            return (first.started_at - first.job.created_at).total_seconds()
        time.sleep(0.1)
    raise TimeoutError("the document is not begun")


def _pages_done(document: str) -> int:
    from chatbot.documents.models import DocumentVersion  # noqa: PLC0415 - Django is set up by now

    return DocumentVersion.objects.values_list("pages_done", flat=True).get(document_id=document)


def _attempts(document: str) -> tuple[int, int]:
    """Attempts that did work, and jobs: as many, where nothing was done twice."""
    from chatbot.documents.models import IngestionJob, JobAttempt  # noqa: PLC0415 - set up by now

    attempts = JobAttempt.objects.filter(job__version__document_id=document)
    return (
        attempts.exclude(outcome="given-back").count(),
        IngestionJob.objects.filter(version__document_id=document).count(),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("scenes", nargs="+", choices=SCENES)
    parser.add_argument("--size", type=int, default=0, help="files or pages; else as told above")
    arguments = parser.parse_args()
    if len(arguments.scenes) > 1:
        print(json.dumps(each_in_a_process("ingest_fairness", __file__, arguments.scenes)))
        return
    name = arguments.scenes[0]
    play, size = SCENES[name]
    with running_rig() as rig:
        found = play(rig, arguments.size or size)
    print(f"{name:12}", *(f"{key} {value}" for key, value in found.items()), flush=True)
    print(json.dumps({"bench": "ingest_fairness", name: found, "wrong": found["wrong"]}))


if __name__ == "__main__":
    main()
