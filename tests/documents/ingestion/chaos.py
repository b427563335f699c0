"""Workers that die at random moments, come back from the dead, and follow every hint twice."""

import contextlib
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

from django.db import connections
from django.db.models.functions import Now

from chatbot.contracts.tasks import Stage
from chatbot.documents.models import (
    UNFINISHED_STATES,
    DocumentVersion,
    IngestionJob,
    JobState,
    PageSource,
)
from chatbot.documents.services import ingestion
from chatbot.retrieval.models import Chunk

SCANNED = 3
"""Every third page has no text layer."""
_THREADS = 4
_LIMIT_SECONDS = 100


class Chaos:
    """Four threads that ingest everything there is, badly, until it is done."""

    def __init__(self, seed: int, *, pages: dict[UUID, int]) -> None:
        """`pages`: how many the file of a version has."""
        self._seed = seed
        self._pages = pages
        self._deadline = time.monotonic() + _LIMIT_SECONDS

    def run(self) -> None:
        with ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(self._thread, range(_THREADS)))

    def _thread(self, number: int) -> None:
        dice = random.Random(self._seed * 100 + number)  # noqa: S311 - reproducible, not secret
        zombies: list[ingestion.Claim] = []
        try:
            while self._is_unfinished() and time.monotonic() < self._deadline:
                if number == 0:
                    self._schedule(dice)
                self._follow_a_hint(dice, zombies)
        finally:
            connections.close_all()

    @staticmethod
    def _is_unfinished() -> bool:
        return DocumentVersion.objects.filter(state__in=UNFINISHED_STATES).exists()

    @staticmethod
    def _schedule(dice: random.Random) -> None:
        """Some leases end early, as if their owners had been silent; nobody waits."""
        running = IngestionJob.objects.filter(state=JobState.RUNNING)
        unlucky = [pk for pk in running.values_list("pk", flat=True) if dice.random() < 0.1]
        _change(unlucky, leased_until=Now() - timedelta(seconds=1))
        ingestion.reconcile()
        ingestion.repair_versions()
        waiting = IngestionJob.objects.filter(state=JobState.QUEUED)
        _change(list(waiting.values_list("pk", flat=True)), run_after=Now())

    def _follow_a_hint(self, dice: random.Random, zombies: list[ingestion.Claim]) -> None:
        jobs = list(IngestionJob.objects.exclude(state=JobState.DONE).values_list("pk", flat=True))
        if not jobs:
            return
        claim = ingestion.claim_job(job_id=dice.choice(jobs), worker="chaos")
        with contextlib.suppress(ingestion.LeaseLost):
            if claim is not None:
                self._work(claim, dice, zombies)
        if zombies and dice.random() < 0.3:
            with contextlib.suppress(ingestion.LeaseLost):
                self._do(zombies.pop(), dice)

    def _work(
        self, claim: ingestion.Claim, dice: random.Random, zombies: list[ingestion.Claim]
    ) -> None:
        fate = dice.random()
        if fate < 0.1:
            zombies.append(claim)
        if fate < 0.2:
            _change([claim.job_id], leased_until=Now() - timedelta(seconds=1))
            return
        self._do(claim, dice)

    def _do(self, claim: ingestion.Claim, dice: random.Random) -> None:
        numbers = range(claim.page_from, claim.page_to + 1)
        if claim.stage is Stage.OPEN:
            labels = [""] * self._pages[claim.version_id]
            ingestion.finish_open(claim, media_type="application/pdf", labels=labels)
        elif claim.stage is Stage.READ:
            ingestion.finish_read(claim, pages=_pages(numbers, PageSource.TEXT_LAYER))
        elif claim.stage is Stage.OCR:
            ingestion.finish_ocr(claim, pages=_pages(numbers, PageSource.OCR))
        else:
            self._index(claim, numbers, dice)

    @staticmethod
    def _index(claim: ingestion.Claim, numbers: Sequence[int], dice: random.Random) -> None:
        for number in numbers:
            with ingestion.fenced(claim) as held:
                Chunk.objects.filter(version=held.version, page_from=number).delete()
                Chunk.objects.create(
                    brain_id=claim.brain_id,
                    version=held.version,
                    page_from=number,
                    page_to=number,
                    ordinal=0,
                    start=0,
                    end=1,
                    text="x",
                    lexemes="'x':1",
                    lexeme_count=1,
                )
                ingestion.record_indexed(held, numbers=[number])
            if dice.random() < 0.05:
                return
        ingestion.finish_index(claim)


def _change(jobs: Sequence[UUID], **changes: object) -> None:
    """One row at a time, as everybody has to who does not hold the version's row."""
    for job in jobs:
        IngestionJob.objects.filter(pk=job).update(**changes)


def _pages(numbers: Sequence[int], source: PageSource) -> list[ingestion.ReadPage]:
    is_first_reading = source == PageSource.TEXT_LAYER
    return [
        ingestion.ReadPage(
            number=number,
            text=f"Page {number}.",
            source=source,
            needs_ocr=is_first_reading and number % SCANNED == 0,
        )
        for number in numbers
    ]
