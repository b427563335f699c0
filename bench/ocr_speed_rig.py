"""What `ocr_speed.py` runs: a scan, read by Tesseract alone or by the worker of a whole stack."""

import contextlib
import csv
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Final, Self

import psutil
import pypdfium2 as pdfium
from ingest_rig import PROJECT, Rig, Sample, wait_for_end
from ocr_bare import NUMBER
from PIL import Image, ImageDraw
from taking_turns import Side, taking_turns

PROCESSES: Final = 2
END_SECONDS: Final = 1800.0
_LOOK_SECONDS: Final = 5.0
"""When a turn began and ended is told by the database."""
_DPI_OF_KIND: Final = {"page-scan150": 150, "page-clean200": 200}
_JPEG_QUALITY: Final = 90
_MARK_PIXELS: Final = 8
_MARK_BITS: Final = 10
_MARK_GREY: Final = 240
_TOOK: Final = re.compile(r"a reader's call took (\{.*\})")


@dataclass(frozen=True, slots=True)
class Turn:
    """One reading of the scan."""

    pages: int
    """That have text."""
    seconds: float
    """That it had the machine, from the first page begun to the end of a worker's last one; the
    mean of both workers.
    """
    characters: int
    ocr_seconds: float = 0.0
    """Of a core, by processes that read."""
    beside_seconds: float = 0.0
    """Of a core, by all others of the stack."""
    between_jobs: float = 0.0
    """The share of the time in which a worker had no job."""

    @property
    def pages_per_second(self) -> float:
        return self.pages / self.seconds


Pair = tuple[Turn, Turn]
"""Of `bare`, and of the stack beside it."""


def scan_of(folder: Path, pages: int) -> bytes:
    """A PDF of the folder's pages, again and again, each a picture of its own: of a picture that
    comes again the OCR worker would copy the text.
    """
    with (folder / "manifest.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] in _DPI_OF_KIND]
    if not rows:
        raise SystemExit(f"no pages in {folder}")
    scan = pdfium.PdfDocument.new()
    for number, row in enumerate(islice(cycle(rows), pages)):
        with Image.open(folder / row["image"]) as image:
            page = _marked(image.convert("L"), number)
        written = io.BytesIO()
        page.save(written, "PDF", resolution=_DPI_OF_KIND[row["kind"]], quality=_JPEG_QUALITY)
        scan.import_pages(pdfium.PdfDocument(written.getvalue()))
    made = io.BytesIO()
    scan.save(made)
    return made.getvalue()


def _marked(image: Image.Image, number: int) -> Image.Image:
    """With the number in its corner, in a grey that no reader sees."""
    draw = ImageDraw.Draw(image)
    for place in range(_MARK_BITS):
        if number >> place & 1:
            left = place * _MARK_PIXELS
            draw.rectangle((left, 0, left + _MARK_PIXELS - 1, _MARK_PIXELS - 1), _MARK_GREY)
    return image


class Bare:
    """Processes that do nothing but draw and read, as nice as the OCR worker, with its data."""

    def __init__(self, rig: Rig, file: Path) -> None:
        from ocr_worker.engines.pages import DPI  # noqa: PLC0415 - after the path is set
        from ocr_worker.engines.protocol import LANGUAGES  # noqa: PLC0415 - as above

        like = rig.process_named("ocr_worker")
        environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
        environment["TESSDATA_PREFIX"] = like.environ()["TESSDATA_PREFIX"]
        nice = ("nice", "-n", str(like.nice() - os.nice(0)))
        program = (sys.executable, str(PROJECT / "bench" / "ocr_bare.py"))
        reader, self._numbers = os.pipe()
        self._readers = [
            subprocess.Popen(
                [*nice, *program, str(file), str(DPI), "+".join(LANGUAGES)],
                stdin=reader,
                stdout=subprocess.PIPE,
                env=environment,
                # As each page of the OCR worker: the kernel shares cores out between sessions.
                start_new_session=True,
            )
            for _ in range(PROCESSES)
        ]
        os.close(reader)
        self.side = Side(self._living)

    def __enter__(self) -> Self:
        for one in self._readers:
            assert one.stdout is not None
            one.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._readers:
            one.kill()
            one.communicate()

    def begin(self, pages: int) -> None:
        os.write(self._numbers, b"".join(number.to_bytes(NUMBER) for number in range(1, pages + 1)))
        os.close(self._numbers)

    def turn(self) -> Turn:
        """Once it has read all pages."""
        found = [json.loads(one.communicate(timeout=END_SECONDS)[0]) for one in self._readers]
        began = min(one["began"] for one in found)
        ended = statistics.mean(self.side.seconds_until(one["ended"]) for one in found)
        return Turn(
            pages=sum(one["pages"] for one in found),
            seconds=ended - self.side.seconds_until(began),
            characters=sum(one["characters"] for one in found),
            ocr_seconds=sum(one["cpu_seconds"] for one in found),
        )

    def _living(self) -> list[int]:
        return [one.pid for one in self._readers if one.poll() is None]


class OcrWorker:
    """A worker of the rig's stack, started and ended by the bench, whose reader can be chosen."""

    def __init__(self, rig: Rig, reader: str, told: Path) -> None:
        usual = rig.process_named("ocr_worker")
        environment = usual.environ()
        environment["PYTHONPATH"] = f"{PROJECT}:{PROJECT / 'bench'}"
        environment |= {"OCR_SPEED_READER": reader, "OCR_SPEED_TOLD": str(told)}
        self._told = told
        self._process = subprocess.Popen(
            [
                *("nice", "-n", str(usual.nice() - os.nice(0)), sys.executable, "-m", "celery"),
                *("--quiet", "--app=ocr_speed_worker", "worker"),
                *("--queues=ocr_worker", "--hostname=ocr_speed@%h"),
            ],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.process = psutil.Process(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def cpu_seconds(self) -> float:
        """Of the worker, its sandbox and every page that it has read."""
        own = sum(map(_cpu_seconds, (self.process, *self.process.children(recursive=True))))
        told = _TOOK.findall(self._told.read_text())
        read: float = sum(json.loads(one)["cpu_seconds"] for one in told)
        return own + read


def compare(
    rig: Rig, file: Path, scan: bytes, warm: bytes, *, reader: str, alone: bool = False
) -> Pair:
    """The way of an upload, with a worker whose sandbox imports `reader`, beside `bare` reading the
    same pages of `file`; `warm` is read before.

    Args:
        alone: `bare` has a machine on which the rest of the stack doesn't run.
    """
    with (
        tempfile.TemporaryDirectory(prefix="ocr-speed-") as folder,
        OcrWorker(rig, reader, Path(folder) / "told") as worker,
        Bare(rig, file) as bare,
    ):
        _read(rig, warm)
        rest = rig.stack.supervisor() if alone else rig.process_named("ingest_worker")
        side = Side(lambda: (rest.pid, worker.process.pid))
        ocr_seconds, beside_seconds = worker.cpu_seconds(), _seconds_beside(rig)
        with taking_turns(bare.side, side):
            bare.begin(len(pdfium.PdfDocument(scan)))
            document = _read(rig, scan)
        turn = replace(
            _turn_of(document, side),
            ocr_seconds=worker.cpu_seconds() - ocr_seconds,
            beside_seconds=_seconds_beside(rig) - beside_seconds,
        )
        return bare.turn(), turn


def drain_usual_worker() -> None:
    """The stack's own OCR worker takes nothing: the bench starts others."""
    from chatbot.contracts.tasks import Queue  # noqa: PLC0415 - Django is set up by now
    from chatbot.documents.models import Worker  # noqa: PLC0415 - as above
    from chatbot.documents.services import ingestion  # noqa: PLC0415 - as above

    worker = Worker.objects.get(queue=Queue.OCR_WORKER)
    ingestion.set_draining(name=worker.name, is_draining=True)


def _read(rig: Rig, scan: bytes) -> str:
    """The document that was made of it, in a brain where nothing was read before."""
    person = rig.person(f"reader-{time.time_ns()}")
    document = person.upload(Sample("scan.pdf", scan)).document
    wait_for_end([document], seconds=END_SECONDS, pause=_LOOK_SECONDS)
    return document


def _turn_of(document: str, side: Side) -> Turn:
    from chatbot.contracts.tasks import Stage  # noqa: PLC0415 - Django is set up by now
    from chatbot.documents.models import JobAttempt, Page, PageSource  # noqa: PLC0415 - as above

    attempts = JobAttempt.objects.filter(job__version__document_id=document, job__stage=Stage.OCR)
    jobs = [
        [side.seconds_until(at.timestamp()) for at in (one.started_at, one.finished_at)]
        for one in attempts
        if one.finished_at is not None
    ]
    began = min(start for start, _ in jobs)
    # Whoever had the last but one of all ends found no further job.
    ends = sorted(end for _, end in jobs)[-PROCESSES:]
    seconds = statistics.mean(ends) - began
    texts = list(
        Page.objects.filter(version__document_id=document, source=PageSource.OCR)
        .exclude(text="")
        .values_list("text", flat=True)
    )
    return Turn(
        pages=len(texts),
        seconds=seconds,
        characters=sum(map(len, texts)),
        between_jobs=1 - sum(end - start for start, end in jobs) / (PROCESSES * seconds),
    )


def _seconds_beside(rig: Rig) -> float:
    """Of a core, by the stack's processes that live."""
    return sum(map(_cpu_seconds, rig.stack.processes()))


def _cpu_seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0
