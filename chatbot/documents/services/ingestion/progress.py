"""What stages leave behind, and what comes next: every function is one fenced transaction.

(fetch ->) open -> read (ranges of pages) -> ocr (pages without text) -> index (ranges) -> ready

The last job of a version ends it. Jobs of one version finish one after the other, because each
holds the version's row: two last ones can't both believe that the other is still running.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Max, Q
from django.utils import timezone

from chatbot import jobs
from chatbot.contracts.errors import DOCUMENT_FAULTS, DocumentFault
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import (
    AttemptOutcome,
    Document,
    DocumentVersion,
    IngestionJob,
    JobState,
    Page,
    PageSource,
    VersionState,
)
from chatbot.documents.services import files
from chatbot.documents.services.content import is_slow_to_open
from chatbot.documents.services.ingestion.attempts import close_attempt
from chatbot.documents.services.ingestion.claims import Claim, Fenced, fenced
from chatbot.documents.services.ingestion.pages import (
    PAGES_AT_ONCE,
    ReadPage,
    blank,
    store_pages,
)
from chatbot.documents.services.names import title_of_url
from chatbot.documents.services.news import announce, announce_end
from chatbot.outbound.urls import read_url

PAGES_OF_STAGE: Final = {Stage.READ: 20, Stage.OCR: 2, Stage.INDEX: 20}
"""Pages per job, so that no unit of work takes longer than about ten seconds; what indexing has not
done after two goes back into the queue."""
LONG_PAGES: Final = 20
"""Documents with more pages leave a slot free for shorter ones."""
_OPEN_JOBS: Final = 12
"""Jobs that one document has waiting: a huge one is planned as it goes."""
_UNFINISHED: Final = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file that was fetched and is in storage."""

    storage_name: str
    sha256: str
    size_bytes: int
    media_type: str
    title: str
    """What its server calls it; empty: nothing."""


def finish_fetch(claim: Claim, *, file: FetchedFile) -> None:
    """The file is there, and can be opened.

    Raises:
        DocumentFault: `same-file-present`, with the other document's id; nothing is written.
        StorageAway: the file was cleaned away meanwhile; nothing is written.
        LeaseLost: nothing is written.
    """
    with fenced(claim) as held:
        version = held.version
        if not files.link_file(name=file.storage_name):
            raise files.StorageAway("The fetching took too long.")
        _give_file(version.document, file)
        version.storage_name = file.storage_name
        version.size_bytes = file.size_bytes
        version.media_type = file.media_type
        is_long = is_slow_to_open(version)
        IngestionJob.objects.create(version=version, stage=Stage.OPEN, is_long=is_long)
        _finish(held)


def _give_file(document: Document, file: FetchedFile) -> None:
    document.sha256 = file.sha256
    if file.title and document.title == title_of_url(read_url(document.source_url)):
        document.title = file.title
    try:
        with transaction.atomic():
            document.save(update_fields=["sha256", "title"])
    except IntegrityError as error:
        same = Document.objects.filter(brain=document.brain_id, sha256=file.sha256).first()
        code = "same-file-present"
        detail = str(same.pk) if same else ""
        raise DocumentFault(DOCUMENT_FAULTS[code], code=code, detail=detail) from error


def finish_open(
    claim: Claim, *, media_type: str, labels: Sequence[str], pages: Iterable[ReadPage] = ()
) -> None:
    """The document has `len(labels)` pages; `pages` where opening it meant reading it all.

    Raises:
        LeaseLost: nothing is written.
    """
    read = list(pages)
    with fenced(claim) as held:
        held.version.media_type = media_type
        held.version.pages_total = len(labels)
        held.version.state = VersionState.READING
        Page.objects.bulk_create(
            [
                Page(version=held.version, number=number, label=label[:200])
                for number, label in enumerate(labels, start=1)
            ],
            batch_size=PAGES_AT_ONCE,
            ignore_conflicts=True,
        )
        if read:
            store_pages(held.version, read)
            _plan_after_reading(held.version, read)
        _finish(held)


def finish_read(claim: Claim, *, pages: Iterable[ReadPage]) -> None:
    """The pages of the claim's range. Those that the parser didn't give are blank.

    Raises:
        LeaseLost: nothing is written.
    """
    given = {page.number: page for page in pages}
    with fenced(claim) as held:
        read = [given.get(number) or blank(number) for number in _range(claim)]
        store_pages(held.version, read)
        _plan_after_reading(held.version, read)
        _finish(held)


def finish_ocr(claim: Claim, *, pages: Iterable[ReadPage]) -> None:
    """The recognised pages of the claim's range.

    Raises:
        LeaseLost: nothing is written.
    """
    given = {page.number: page for page in pages}
    with fenced(claim) as held:
        read = [given.get(number) or blank(number, PageSource.OCR) for number in _range(claim)]
        store_pages(held.version, read)
        _plan(held.version, Stage.INDEX, [page.number for page in read])
        _finish(held)


def record_indexed(held: Fenced, *, numbers: Sequence[int]) -> None:
    """Within `fenced`, together with the chunks: these pages can be found from now on."""
    version = held.version
    version.pages.filter(number__in=numbers).update(indexed_at=timezone.now())
    version.pages_done = version.pages.filter(indexed_at__isnull=False).count()
    version.save(update_fields=["pages_done"])
    announce(version)


def finish_index(claim: Claim) -> None:
    """All pages of the claim's range are indexed.

    Raises:
        LeaseLost: nothing is written.
    """
    with fenced(claim) as held:
        _finish(held)


def first_stage(version: DocumentVersion) -> Stage:
    """Where the ingestion of a version begins."""
    return Stage.OPEN if version.storage_name else Stage.FETCH


def advance(version: DocumentVersion) -> None:
    """Plans more reading, or ends the version if nothing is open. The caller holds its row."""
    _plan_reading(version)
    stages = set(version.jobs.filter(state__in=_UNFINISHED).values_list("stage", flat=True))
    has_ended = not stages and not _plan_what_is_missing(version)
    if has_ended:
        _complete(version)
    elif version.pages_total is not None and stages == {Stage.INDEX}:
        version.state = VersionState.INDEXING
    version.save()
    (announce_end if has_ended else announce)(version)
    jobs.wake_scheduler()


def _finish(held: Fenced) -> None:
    job = held.job
    close_attempt(job, AttemptOutcome.DONE)
    job.state = JobState.DONE
    job.finished_at = timezone.now()
    job.lease_token = job.leased_until = None
    job.error_code = job.error_detail = ""
    job.save()
    advance(held.version)


def _complete(version: DocumentVersion) -> None:
    version.finished_at = timezone.now()
    if version.pages.exclude(text="").exists():
        version.state = VersionState.READY
        _take_over(version)
        return
    version.state = VersionState.FAILED
    version.error_code = "no-text"
    version.error_sentence = DOCUMENT_FAULTS["no-text"]


def _take_over(version: DocumentVersion) -> None:
    """What was read again is what is searched, from this transaction on."""
    document = version.document
    if Document.objects.filter(pk=document.pk, next_version=version).update(
        current_version=version, next_version=None
    ):
        document.current_version = version
        document.next_version = None


def _plan_reading(version: DocumentVersion) -> None:
    """Keeps a few jobs of a long document in the queue, and not hundreds."""
    total = version.pages_total
    if total is None:
        return
    planned = version.jobs.filter(stage=Stage.READ).aggregate(last=Max("page_to"))["last"] or 0
    unread = version.pages.filter(number__gt=planned, read_at__isnull=True)
    if planned >= total or not unread.exclude(source=PageSource.OCR).exists():
        return
    room = _OPEN_JOBS - version.jobs.filter(state__in=_UNFINISHED).count()
    step = PAGES_OF_STAGE[Stage.READ]
    starts = range(planned + 1, total + 1, step)[: max(0, room)]
    _create(version, Stage.READ, [(start, min(start + step - 1, total)) for start in starts])


def _plan_after_reading(version: DocumentVersion, read: Sequence[ReadPage]) -> None:
    _plan(version, Stage.OCR, [page.number for page in read if page.needs_ocr])
    _plan(version, Stage.INDEX, [page.number for page in read if not page.needs_ocr])


def _plan_what_is_missing(version: DocumentVersion) -> bool:
    """Work without a job, which only a repair meets; True if there was some."""
    if version.pages_total is None:
        _create(version, first_stage(version), [(0, 0)])
        return True
    unread = Q(read_at__isnull=True)
    missing = {
        Stage.OCR: version.pages.filter(unread, source=PageSource.OCR),
        Stage.READ: version.pages.filter(unread).exclude(source=PageSource.OCR),
        Stage.INDEX: version.pages.filter(read_at__isnull=False, indexed_at__isnull=True),
    }
    for stage, pages in missing.items():
        _plan(version, stage, list(pages.order_by("number").values_list("number", flat=True)))
    return any(pages.exists() for pages in missing.values())


def _plan(version: DocumentVersion, stage: Stage, numbers: Sequence[int]) -> None:
    _create(version, stage, list(_runs(sorted(numbers), longest=PAGES_OF_STAGE[stage])))


def _create(version: DocumentVersion, stage: Stage, ranges: Sequence[tuple[int, int]]) -> None:
    """Queues jobs; one that is there for the same first page begins again."""
    IngestionJob.objects.bulk_create(
        [
            IngestionJob(
                version=version,
                stage=stage,
                page_from=first,
                page_to=last,
                is_long=stage is Stage.FETCH or (version.pages_total or 0) > LONG_PAGES,
            )
            for first, last in ranges
        ],
        update_conflicts=True,
        unique_fields=["version", "stage", "page_from"],
        update_fields=["page_to", "state", "is_long", "hinted_at"],
    )


def _runs(numbers: Sequence[int], *, longest: int) -> Iterator[tuple[int, int]]:
    """Neighbouring numbers as ranges of at most `longest`."""
    first = last = None
    for number in numbers:
        if first is not None and last is not None and number == last + 1 < first + longest:
            last = number
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = number
    if first is not None and last is not None:
        yield first, last


def _range(claim: Claim) -> range:
    return range(claim.page_from, claim.page_to + 1)
