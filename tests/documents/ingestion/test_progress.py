"""What stages leave behind, and what comes next."""

from collections.abc import Sequence

import pytest
from pytest_django import DjangoAssertNumQueries

from chatbot.brains.models import Brain
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import Document, JobState, PageSource, VersionState
from chatbot.documents.services import ingestion
from chatbot.documents.services.ingestion.progress import PAGES_OF_STAGE
from tests.factories.documents import claim, make_document, make_job, version_of
from tests.listening import events_of

pytestmark = pytest.mark.django_db
FINISH_QUERIES = 12
STORE_QUERIES = 7
"""With the two of the savepoint that a test's transaction makes of ours."""


def page(
    number: int, text: str = "Text.", *, needs_ocr: bool = False, is_ocr: bool = False
) -> ingestion.ReadPage:
    source = PageSource.OCR if is_ocr else PageSource.TEXT_LAYER
    return ingestion.ReadPage(number=number, text=text, source=source, needs_ocr=needs_ocr)


def opened(brain: Brain, pages: int) -> Document:
    """A document of so many pages that is open, and not read."""
    document = make_document(brain)
    ingestion.finish_open(
        claim(make_job(document)), media_type="application/pdf", labels=[""] * pages
    )
    return document


def queued(document: Document, stage: Stage) -> list[tuple[int, int]]:
    jobs = version_of(document).jobs.filter(stage=stage, state=JobState.QUEUED)
    return list(jobs.order_by("page_from").values_list("page_from", "page_to"))


def claim_next(document: Document, stage: Stage) -> ingestion.Claim:
    jobs = version_of(document).jobs.filter(stage=stage, state=JobState.QUEUED)
    return claim(jobs.order_by("page_from")[0])


def read_next(document: Document, pages: Sequence[ingestion.ReadPage]) -> None:
    ingestion.finish_read(claim_next(document, Stage.READ), pages=pages)


def index_next(document: Document) -> None:
    claimed = claim_next(document, Stage.INDEX)
    with ingestion.fenced(claimed) as held:
        ingestion.record_indexed(held, numbers=range(claimed.page_from, claimed.page_to + 1))
    ingestion.finish_index(claimed)


class TestFinishOpen:
    def test_plans_the_reading_of_a_document_with_pages(self, brain: Brain) -> None:
        document = make_document(brain)

        ingestion.finish_open(
            claim(make_job(document)), media_type="application/pdf", labels=["i", "1", "2"]
        )

        version = version_of(document)
        assert (version.pages_total, version.media_type) == (3, "application/pdf")
        assert version.state == VersionState.READING
        assert [(page.number, page.label) for page in version.pages.all()] == [
            (1, "i"),
            (2, "1"),
            (3, "2"),
        ]
        assert queued(document, Stage.READ) == [(1, 3)]

    def test_goes_straight_to_the_index_where_opening_was_reading(self, brain: Brain) -> None:
        document = make_document(brain)

        ingestion.finish_open(
            claim(make_job(document)),
            media_type="text/plain",
            labels=["", ""],
            pages=[page(1), page(2)],
        )

        assert queued(document, Stage.READ) == []
        assert queued(document, Stage.INDEX) == [(1, 2)]
        assert version_of(document).state == VersionState.INDEXING

    def test_plans_a_huge_document_as_it_goes(self, brain: Brain) -> None:
        document = opened(brain, 2000)

        version = version_of(document)
        assert version.jobs.filter(state=JobState.QUEUED).count() == 12
        assert version.jobs.filter(state=JobState.QUEUED, is_long=True).count() == 12
        assert queued(document, Stage.READ)[:2] == [(1, 20), (21, 40)]

    def test_fails_a_document_without_pages(self, brain: Brain) -> None:
        version = version_of(opened(brain, 0))

        assert (version.state, version.error_code) == (VersionState.FAILED, "no-text")
        assert version.error_sentence

    def test_twice_is_once(self, brain: Brain) -> None:
        document = make_document(brain)
        claimed = claim(make_job(document))
        ingestion.finish_open(claimed, media_type="application/pdf", labels=[""])

        with pytest.raises(ingestion.LeaseLost):
            ingestion.finish_open(claimed, media_type="application/pdf", labels=["", ""])

        assert version_of(document).pages_total == 1


class TestFinishRead:
    def test_sends_pages_without_text_to_ocr_and_the_others_to_the_index(
        self, brain: Brain
    ) -> None:
        document = opened(brain, 9)

        read_next(
            document, [page(number, needs_ocr=number in {3, 4, 5, 9}) for number in range(1, 10)]
        )

        assert queued(document, Stage.OCR) == [(3, 4), (5, 5), (9, 9)]
        assert queued(document, Stage.INDEX) == [(1, 2), (6, 8)]

    def test_plans_the_next_pages_of_a_huge_document(self, brain: Brain) -> None:
        document = opened(brain, 300)
        assert queued(document, Stage.READ)[-1] == (221, 240)

        read_next(document, [page(number, needs_ocr=True) for number in range(1, 21)])
        after_scans = queued(document, Stage.READ)[-1]
        read_next(document, [])

        assert after_scans == (221, 240)
        assert len(queued(document, Stage.OCR)) == 10
        assert queued(document, Stage.READ)[-1] == (221, 240)

    def test_takes_pages_that_the_reader_left_out_for_blank(self, brain: Brain) -> None:
        document = opened(brain, 3)

        read_next(document, [page(1)])

        version = version_of(document)
        assert version.pages.filter(read_at__isnull=False, text="").count() == 2
        assert queued(document, Stage.INDEX) == [(1, 3)]

    @pytest.mark.parametrize(
        ("text", "stored"),
        [(" \n\t", ""), ("a\x00b", "a\N{REPLACEMENT CHARACTER}b"), ("a\ud800b", "a?b")],
        ids=["blank", "nul", "lone surrogate"],
    )
    def test_stores_what_postgres_can_hold(self, text: str, stored: str, brain: Brain) -> None:
        document = opened(brain, 1)

        read_next(document, [page(1, text)])

        assert version_of(document).pages.get().text == stored


class TestFinishOcr:
    def test_sends_the_pages_to_the_index(self, brain: Brain) -> None:
        document = opened(brain, 2)
        read_next(document, [page(1, needs_ocr=True), page(2, needs_ocr=True)])

        ingestion.finish_ocr(
            claim_next(document, Stage.OCR),
            pages=[page(1, "스캔", is_ocr=True), page(2, "", is_ocr=True)],
        )

        version = version_of(document)
        assert queued(document, Stage.INDEX) == [(1, 2)]
        assert [page.text for page in version.pages.order_by("number")] == ["스캔", ""]
        assert {page.source for page in version.pages.all()} == {PageSource.OCR}
        assert version.state == VersionState.INDEXING


@pytest.fixture
def _eight_pages_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PAGES_OF_STAGE, Stage.INDEX, 8)


class TestFinishIndex:
    @pytest.mark.usefixtures("_eight_pages_at_once")
    def test_makes_the_document_ready_with_its_last_page(self, brain: Brain) -> None:
        document = opened(brain, 9)
        read_next(document, [page(number) for number in range(1, 10)])

        index_next(document)
        half_way = version_of(document)
        index_next(document)

        version = version_of(document)
        assert (half_way.state, half_way.pages_done) == (VersionState.INDEXING, 8)
        assert (version.state, version.pages_done) == (VersionState.READY, 9)
        assert version.finished_at is not None

    def test_accepts_blank_pages_within_a_document(self, brain: Brain) -> None:
        document = opened(brain, 2)
        read_next(document, [page(1, "Text."), page(2, "")])

        index_next(document)

        assert version_of(document).state == VersionState.READY

    def test_fails_a_document_without_any_text(self, brain: Brain) -> None:
        document = opened(brain, 2)
        read_next(document, [page(1, " "), page(2, "")])

        index_next(document)

        version = version_of(document)
        assert (version.state, version.error_code) == (VersionState.FAILED, "no-text")

    @pytest.mark.usefixtures("_eight_pages_at_once")
    @pytest.mark.django_db(transaction=True)
    def test_tells_the_browsers_how_far_it_is(self, brain: Brain) -> None:
        document = opened(brain, 9)
        read_next(document, [page(number) for number in range(1, 10)])

        with events_of(brain) as events:
            index_next(document)
            index_next(document)

        assert [(event["pages_done"], event["state"]) for event in events][-1] == (9, "ready")
        assert {event["pages_total"] for event in events} == {9}
        assert 8 in [event["pages_done"] for event in events]


class TestQueries:
    @pytest.mark.parametrize("count", [2, 20])
    def test_do_not_grow_with_the_pages_that_were_read(
        self, count: int, brain: Brain, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        document = opened(brain, count)
        claimed = claim_next(document, Stage.READ)
        pages = [page(number, needs_ocr=number % 2 == 0) for number in range(1, count + 1)]

        with django_assert_num_queries(FINISH_QUERIES):
            ingestion.finish_read(claimed, pages=pages)

    @pytest.mark.parametrize("count", [1, 8])
    def test_do_not_grow_with_the_pages_that_were_indexed(
        self, count: int, brain: Brain, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        document = opened(brain, count)
        read_next(document, [page(number) for number in range(1, count + 1)])
        claimed = claim_next(document, Stage.INDEX)

        with django_assert_num_queries(STORE_QUERIES), ingestion.fenced(claimed) as held:
            ingestion.record_indexed(held, numbers=range(1, count + 1))
