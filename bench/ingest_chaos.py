"""What happens to documents when things break: processes killed, stores gone, wiped or frozen.

    python bench/ingest_chaos.py kills FOLDER --uploads 500 --kills 100
    python bench/ingest_chaos.py restarts freeze wipe deletes FOLDER

Starts the whole stack of `make up` with scripted model servers. FOLDER holds documents; each is
read once in peace, and what became of it then is what has to become of its changed copies, however
much is killed meanwhile. The table says how many did not, which should be none.

kills     uploads while any process of the stack, stores included, is killed (SIGKILL) at random
restarts  Valkey is killed again and again; a small document follows each time
freeze    Valkey is stopped (SIGSTOP) for minutes, and goes on
outages   the storage, the model servers and PostgreSQL are away for minutes during uploads
wipe      Valkey forgets everything (FLUSHALL) during uploads
deletes   documents are deleted at random moments while processes are killed
"""

import argparse
import contextlib
import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

import psutil
from ingest_rig import (
    Outcome,
    Person,
    Rig,
    Sample,
    changed,
    each_in_a_process,
    running_rig,
    samples,
    wait_for_end,
)

UPLOADS_AT_ONCE: Final = 8
END_SECONDS: Final = 1800.0
WORKING_AGAIN_SECONDS: Final = 15.0
GONE_SECONDS: Final = 60.0
SWEPT_SECONDS: Final = 300.0
AWAY_SECONDS: Final = 600.0
"""How long Valkey is frozen, and how long all other outages are together."""
_PAUSE_SECONDS: Final = (0.2, 2.5)
_FIRST_ERRORS: Final = 5
T = TypeVar("T")
chance = random.Random(11)  # noqa: S311 - moments, not secrets


@dataclass(frozen=True, slots=True)
class Fate:
    """How a document ended, or with which code its upload was refused."""

    state: str
    code: str
    pages: int = 0
    chunks: int = 0


@dataclass
class Scene:
    rig: Rig
    files: list[Sample]
    uploads: int
    kills: int
    away_seconds: float
    person: Person = field(init=False)

    def __post_init__(self) -> None:
        self.person = self.rig.person("uploader")

    def copies(self, count: int) -> list[tuple[int, Sample]]:
        """So many changed documents, with the number of the file that each was made of."""
        numbers = [index % len(self.files) for index in range(count)]
        chance.shuffle(numbers)
        return [
            (number, changed(self.files[number], place))
            for place, number in enumerate(numbers, start=1)
        ]

    def upload(self, copies: Sequence[tuple[int, Sample]]) -> list[Outcome]:
        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as threads:
            return list(threads.map(self.person.upload, [sample for _, sample in copies]))


def in_peace(scene: Scene) -> list[Fate]:
    """What becomes of each file when nothing breaks."""
    outcomes = scene.upload(list(enumerate(scene.files)))
    wait_for_end([one.document for one in outcomes if one.document], seconds=END_SECONDS)
    return [fate_of(outcome) for outcome in outcomes]


def kills(scene: Scene) -> dict[str, Any]:
    """Everything that can be killed is killed, at random."""
    expected = in_peace(scene)
    copies = scene.copies(scene.uploads)
    began = time.monotonic()
    with _killing(scene.rig, scene.kills) as killed:
        outcomes = scene.upload(copies)
    _wait_for(outcomes)
    seconds = time.monotonic() - began
    wrong = _unlike(expected, copies, outcomes) + _left_wrong(scene.rig)
    return {
        "uploads": len(outcomes),
        "kills": sum(killed.values()),
        "killed": dict(killed),
        "seconds": round(seconds),
        "fates": _counted(outcomes),
        **_summary(wrong),
    }


def restarts(scene: Scene) -> dict[str, Any]:
    """Valkey dies; a document of one page is ready soon after, each time."""
    waited = []
    for number in range(scene.kills):
        victim = scene.rig.process_named("valkey")
        victim.kill()
        scene.rig.wait_for_process("valkey", other_than=victim.pid)
        waited.append(_seconds_until_ready(scene, number))
    return {"restarts": len(waited), **_bar("ready_after", waited, WORKING_AGAIN_SECONDS)}


def freeze(scene: Scene) -> dict[str, Any]:
    """Valkey says nothing and holds its connections; then it goes on."""
    victim = scene.rig.process_named("valkey")
    victim.send_signal(signal.SIGSTOP)
    try:
        time.sleep(scene.away_seconds)
    finally:
        victim.send_signal(signal.SIGCONT)
    waited = [_seconds_until_ready(scene, number) for number in range(3)]
    return {"frozen_s": scene.away_seconds, **_bar("ready_after", waited, WORKING_AGAIN_SECONDS)}


def outages(scene: Scene) -> dict[str, Any]:
    """One thing after the other is away, and comes back; nobody does anything."""
    expected = in_peace(scene)
    copies = scene.copies(scene.uploads)
    rig = scene.rig
    with ThreadPoolExecutor(1) as uploader:
        uploading = uploader.submit(scene.upload, copies)
        for outage in (rig.storage_gone, rig.models_gone, rig.postgres_stopped):
            with outage():
                time.sleep(scene.away_seconds / 3)
            time.sleep(scene.away_seconds / 6)
        outcomes = uploading.result()
    began = time.monotonic()
    _wait_for(outcomes)
    wrong = _unlike(expected, copies, outcomes) + _left_wrong(rig)
    return {
        "uploads": len(outcomes),
        "away_s": scene.away_seconds,
        "ended_after_s": round(time.monotonic() - began),
        "fates": _counted(outcomes),
        **_summary(wrong),
    }


def wipe(scene: Scene) -> dict[str, Any]:
    """All hints, slots and news are gone, several times."""
    expected = in_peace(scene)
    copies = scene.copies(scene.uploads)
    with _again_and_again(scene.rig.wipe_valkey, pause=1.0):
        outcomes = scene.upload(copies)
        _wait_for(outcomes)
    wrong = _unlike(expected, copies, outcomes) + _left_wrong(scene.rig)
    return {"uploads": len(outcomes), "fates": _counted(outcomes), **_summary(wrong)}


def deletes(scene: Scene) -> dict[str, Any]:
    """Deleted at any moment: no later search finds it, and a minute later nothing is left."""
    copies = scene.copies(scene.uploads)
    for one in documents():
        scene.rig.remove(one)
    found_after: list[str] = []
    told: set[str] = set()

    def upload_and_delete(copy: tuple[int, Sample]) -> None:
        outcome = scene.person.upload(copy[1])
        if not outcome.document:
            return
        told.add(outcome.document)
        time.sleep(chance.uniform(0, 3))
        scene.person.delete(outcome.document)
        if chunks_of(outcome.document):
            found_after.append(outcome.document)

    with _killing(scene.rig, scene.kills), ThreadPoolExecutor(UPLOADS_AT_ONCE) as threads:
        list(threads.map(upload_and_delete, copies))
    # Whose answer was lost on the way, and whose file was sent again: nobody knows of the first.
    unknown = [one for one in documents() if one not in told]
    for one in unknown:
        scene.person.delete(one)
    gone_after = _seconds_until(lambda: not left_of_all(scene.rig), GONE_SECONDS)
    wrong = [f"{one} is still found" for one in found_after]
    wrong += [f"still there: {one}" for one in left_of_all(scene.rig)]
    _let_an_hour_pass()
    wrong += [f"left of a broken upload: {one}" for one in left_of_all(scene.rig, broken=True)]
    return {
        "uploads": len(copies),
        "untold": len(unknown),
        "gone_after_s": round(gone_after, 1),
        **_summary(wrong),
    }


SCENES: Final[dict[str, Callable[[Scene], dict[str, Any]]]] = {
    "kills": kills,
    "restarts": restarts,
    "freeze": freeze,
    "outages": outages,
    "wipe": wipe,
    "deletes": deletes,
}


def fate_of(outcome: Outcome) -> Fate:
    from chatbot.documents.models import DocumentVersion, Page  # noqa: PLC0415 - set up by now
    from chatbot.retrieval.models import Chunk  # noqa: PLC0415 - as above

    if outcome.refused:
        return Fate("refused", outcome.refused)
    version = DocumentVersion.objects.get(document=UUID(outcome.document))
    return Fate(
        version.state,
        version.error_code,
        Page.objects.filter(version=version, read_at__isnull=False).count(),
        Chunk.objects.filter(version=version).count(),
    )


def documents() -> list[str]:
    from chatbot.documents.models import Document  # noqa: PLC0415 - Django is set up by now

    return _asked(lambda: [str(one) for one in Document.objects.values_list("pk", flat=True)])


def chunks_of(document: str) -> int:
    from chatbot.retrieval.models import Chunk  # noqa: PLC0415 - Django is set up by now

    return _asked(lambda: Chunk.objects.filter(version__document=UUID(document)).count())


def left_of_all(rig: Rig, *, broken: bool = False) -> list[str]:
    """Rows and files that are there although there is no document any more.

    `broken`: also of uploads that were broken off before they became a document.
    """
    from django.apps import apps  # noqa: PLC0415 - Django is set up by now

    models = [
        apps.get_model(app, name)
        for app, name in (
            ("documents", "Document"),
            ("documents", "DocumentVersion"),
            ("documents", "Page"),
            ("documents", "IngestionJob"),
            ("documents", "JobAttempt"),
            ("retrieval", "Chunk"),
            ("retrieval", "Embedding"),
        )
    ]
    rows = _asked(lambda: [(model.__name__, model.objects.count()) for model in models])
    stored = apps.get_model("documents", "StoredFile").objects
    unlinked = set(_asked(lambda: list(stored.filter(linked_at=None).values_list("pk", flat=True))))
    names = set(_asked(lambda: list(stored.values_list("pk", flat=True)))) | rig.stored_files()
    left = names if broken else names - unlinked
    return [f"{count} {name}" for name, count in rows if count] + sorted(left)


def _left_wrong(rig: Rig) -> list[str]:
    """What must not be, whatever happened: doubles, orphans, work without an end."""
    _let_an_hour_pass()
    from django.db.models import Count, F  # noqa: PLC0415 - Django is set up by now

    from chatbot.documents.models import (  # noqa: PLC0415 - as above
        DocumentVersion,
        IngestionJob,
        StoredFile,
    )
    from chatbot.retrieval.models import Chunk  # noqa: PLC0415 - as above

    doubles = (
        Chunk.objects.values("version", "page_from", "start", "end")
        .annotate(times=Count("pk"))
        .filter(times__gt=1)
    )
    ready = DocumentVersion.objects.filter(state="ready")
    needed = set(DocumentVersion.objects.exclude(storage_name="").values_list("storage_name"))
    stored = rig.stored_files()
    wrong = [f"doubled chunk of {row['version']}" for row in doubles[:_FIRST_ERRORS]]
    wrong += [
        f"ready with {one.pages_done} of {one.pages_total} pages"
        for one in ready.exclude(pages_done=F("pages_total"))[:_FIRST_ERRORS]
    ]
    open_jobs = IngestionJob.objects.filter(state__in=("queued", "running")).count()
    wrong += [f"{open_jobs} jobs without an end"] if open_jobs else []
    names = {name for (name,) in needed}
    wrong += [f"file without a version: {name}" for name in sorted(stored - names)]
    wrong += [f"version without a file: {name}" for name in sorted(names - stored)]
    rows = set(StoredFile.objects.values_list("name", flat=True))
    return wrong + [f"row of a file without a version: {name}" for name in sorted(rows - names)]


def _let_an_hour_pass() -> None:
    """For uploads that were broken off: their files may be on their way for as long.

    What is left of them then has to go by itself, fifty a second: clients that don't wait between
    their tries leave thousands.
    """
    from django.db.models.functions import Now  # noqa: PLC0415 - Django is set up by now

    from chatbot.documents.models import StoredFile  # noqa: PLC0415 - as above
    from chatbot.documents.services.files import UPLOAD_HOURS  # noqa: PLC0415 - as above

    unlinked = StoredFile.objects.filter(linked_at=None)
    _asked(lambda: unlinked.update(created_at=Now() - timedelta(hours=UPLOAD_HOURS)))
    _seconds_until(lambda: not _asked(unlinked.exists), SWEPT_SECONDS)


def _unlike(
    expected: Sequence[Fate], copies: Sequence[tuple[int, Sample]], outcomes: Sequence[Outcome]
) -> list[str]:
    """Copies that ended otherwise than the file that they were made of does in peace."""
    wrong = []
    for (number, sample), outcome in zip(copies, outcomes, strict=True):
        fate = fate_of(outcome)
        if fate != expected[number]:
            wrong.append(f"{sample.name}: {fate} instead of {expected[number]}")
    return wrong


def _wait_for(outcomes: Sequence[Outcome]) -> None:
    wait_for_end([one.document for one in outcomes if one.document], seconds=END_SECONDS)


def _seconds_until_ready(scene: Scene, number: int) -> float:
    sample = Sample("note.txt", f"A short note, number {number} of {time.time()}.".encode())
    began = time.monotonic()
    _wait_for([scene.person.upload(sample)])
    return time.monotonic() - began


def _seconds_until(condition: Callable[[], bool], limit: float) -> float:
    began = time.monotonic()
    while not condition() and time.monotonic() - began < limit:
        time.sleep(0.5)
    return time.monotonic() - began


def _asked(question: Callable[[], T]) -> T:
    """The answer of a database that may be away for a moment."""
    from django.db import DatabaseError, InterfaceError, connection  # noqa: PLC0415 - set up by now

    deadline = time.monotonic() + WORKING_AGAIN_SECONDS
    while True:
        try:
            return question()
        except (DatabaseError, InterfaceError):
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@contextlib.contextmanager
def _killing(rig: Rig, count: int) -> Iterator[Counter[str]]:
    """Kills so many processes beside the block; after it, the rest of them."""
    killed: Counter[str] = Counter()

    def run() -> None:
        while sum(killed.values()) < count:
            time.sleep(chance.uniform(*_PAUSE_SECONDS))
            with contextlib.suppress(psutil.Error, IndexError):
                victim = rig.any_process(chance)
                name = rig.name_of(victim)
                victim.kill()
                killed[name] += 1

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield killed
    finally:
        thread.join()


@contextlib.contextmanager
def _again_and_again(do: Callable[[], None], *, pause: float) -> Iterator[None]:
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(pause):
            do()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _counted(outcomes: Sequence[Outcome]) -> dict[str, int]:
    fates = [fate_of(one) for one in outcomes]
    return dict(Counter(f"{one.state} {one.code}".strip() for one in fates))


def _bar(name: str, values: Sequence[float], bar: float) -> dict[str, Any]:
    late = [f"{name} {value:.1f} s" for value in values if value > bar]
    return {f"{name}_max_s": round(max(values), 1), **_summary(late)}


def _summary(wrong: Sequence[str]) -> dict[str, Any]:
    for one in wrong[:_FIRST_ERRORS]:
        print(f"wrong: {one}", flush=True)
    return {"wrong": len(wrong), "first_wrong": wrong[0] if wrong else ""}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="+", metavar="SCENE… FOLDER")
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--files", type=int, default=0, help="so many of the folder, by chance")
    parser.add_argument("--away-seconds", type=float, default=AWAY_SECONDS)
    arguments = parser.parse_args()
    *names, folder = arguments.words
    if len(names) > 1:
        print(json.dumps(each_in_a_process("ingest_chaos", __file__, names)))
        return
    files = samples(Path(folder))
    if arguments.files:
        files = chance.sample(files, min(arguments.files, len(files)))
    with running_rig() as rig:
        scene = Scene(rig, files, arguments.uploads, arguments.kills, arguments.away_seconds)
        found = SCENES[names[0]](scene)
    print(f"{names[0]:10}", *(f"{key} {value}" for key, value in found.items()), flush=True)
    print(json.dumps({"bench": "ingest_chaos", names[0]: found, "wrong": found["wrong"]}))


if __name__ == "__main__":
    main()
