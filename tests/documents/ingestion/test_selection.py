"""Whose turn it is."""

import itertools
from datetime import timedelta
from uuid import UUID

import pytest
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries

from chatbot.brains.models import Brain
from chatbot.contracts.tasks import Queue, Stage
from chatbot.documents.models import DocumentVersion, IngestionJob, JobState, VersionState
from chatbot.documents.services import ingestion
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import claim, make_document, make_job, version_of

pytestmark = pytest.mark.django_db


def ready(queue: Queue = Queue.INGEST_WORKER) -> list[UUID]:
    return [job.job_id for job in ingestion.ready_jobs(queue=queue, per_person=5)]


def set_pages(job: IngestionJob, pages: int) -> None:
    DocumentVersion.objects.filter(pk=job.version_id).update(pages_total=pages)


class TestReadyJobs:
    def test_are_those_of_the_queue(self, brain: Brain) -> None:
        opening = make_job(make_document(brain))
        scanning = make_job(make_document(brain), stage=Stage.OCR, pages=(1, 2))

        assert ready(Queue.INGEST_WORKER) == [opening.pk]
        assert ready(Queue.OCR_WORKER) == [scanning.pk]

    def test_are_queued_and_due_and_of_a_version_that_has_not_ended(self, brain: Brain) -> None:
        claim(make_job(make_document(brain)))
        later = make_job(make_document(brain))
        IngestionJob.objects.filter(pk=later.pk).update(run_after=Now() + timedelta(minutes=1))
        make_job(make_document(brain, state=VersionState.CANCELLED))

        assert ready() == []

    def test_are_not_on_their_way_already(self, brain: Brain) -> None:
        job = make_job(make_document(brain))

        ingestion.mark_hinted(job_ids=[job.pk])

        assert ready() == []
        assert ingestion.load_of(queue=Queue.INGEST_WORKER).all == 1

    def test_are_offered_again_when_the_hint_was_lost(self, brain: Brain) -> None:
        job = make_job(make_document(brain))
        IngestionJob.objects.filter(pk=job.pk).update(hinted_at=Now() - timedelta(seconds=11))

        assert ready() == [job.pk]
        assert ingestion.load_of(queue=Queue.INGEST_WORKER).all == 0

    def test_come_small_documents_first(self, brain: Brain) -> None:
        huge = make_job(make_document(brain), is_long=True)
        large = make_job(make_document(brain))
        small = make_job(make_document(brain))
        set_pages(huge, 1000)
        set_pages(large, 20)
        set_pages(small, 1)

        assert ready() == [small.pk, large.pk, huge.pk]

    def test_come_from_documents_that_are_begun_first(self, brain: Brain) -> None:
        waiting = make_job(make_document(brain))
        begun = make_job(make_document(brain), stage=Stage.INDEX, pages=(1, 3))
        set_pages(begun, 3)

        assert ready() == [begun.pk, waiting.pk]

    def test_come_small_files_first_where_pages_are_unknown(self, brain: Brain) -> None:
        large, small = (make_job(make_document(brain)) for _ in range(2))
        DocumentVersion.objects.filter(pk=large.version_id).update(size_bytes=10_000)
        DocumentVersion.objects.filter(pk=small.version_id).update(size_bytes=10)

        assert ready() == [small.pk, large.pk]

    def test_are_bounded_for_each_person(
        self, brain: Brain, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        _ = [make_job(make_document(brain)) for _ in range(8)]
        other = make_brain(owner=make_user())
        make_job(make_document(other))

        with django_assert_num_queries(1):
            jobs = ingestion.ready_jobs(queue=Queue.INGEST_WORKER, per_person=3)

        assert len(jobs) == 4


class TestReadyFetches:
    def test_are_apart_from_all_other_jobs(self, brain: Brain) -> None:
        fetch = make_job(make_document(brain), stage=Stage.FETCH, is_long=True)
        opening = make_job(make_document(brain))

        fetches = ingestion.ready_fetches(per_person=5)

        assert [(job.job_id, job.is_fetch) for job in fetches] == [(fetch.pk, True)]
        assert ready() == [opening.pk]

    def test_count_those_that_are_under_way(self, brain: Brain) -> None:
        running, hinted, dead, waiting, last = (
            make_job(make_document(brain), stage=Stage.FETCH) for _ in range(5)
        )
        claim(running)
        claim(dead)
        IngestionJob.objects.filter(pk=dead.pk).update(leased_until=Now() - timedelta(seconds=1))
        ingestion.mark_hinted(job_ids=[hinted.pk])
        load = ingestion.load_of(queue=Queue.INGEST_WORKER)

        fetches = ingestion.ready_fetches(per_person=3)

        assert (load.all, load.long, load.fetches) == (0, 0, 2)
        assert [job.job_id for job in fetches] == [waiting.pk]
        assert [job.job_id for job in ingestion.ready_fetches(per_person=4)][1:] == [last.pk]

    def test_are_due_and_of_a_version_that_has_not_ended(self, brain: Brain) -> None:
        later = make_job(make_document(brain), stage=Stage.FETCH)
        IngestionJob.objects.filter(pk=later.pk).update(run_after=Now() + timedelta(minutes=1))
        make_job(make_document(brain, state=VersionState.CANCELLED), stage=Stage.FETCH)

        assert ingestion.ready_fetches(per_person=5) == []

    def test_are_bounded_for_each_person(
        self, brain: Brain, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        other = make_brain(owner=make_user())
        for theirs in (brain, other):
            _ = [make_job(make_document(theirs), stage=Stage.FETCH) for _ in range(4)]

        with django_assert_num_queries(1):
            fetches = ingestion.ready_fetches(per_person=2)

        assert len(fetches) == 4
        assert len({job.person_id for job in fetches[:2]}) == 2


def job_of(person: UUID | None, *, is_long: bool = False) -> ingestion.ReadyJob:
    return ingestion.ReadyJob(UUID(int=next(_ids)), person, is_long)


_ids = itertools.count(1)
ANN, BEN = UUID(int=1), UUID(int=2)


class TestTakeTurns:
    def test_goes_round_between_people(self) -> None:
        jobs = [*(job_of(ANN) for _ in range(5)), *(job_of(BEN) for _ in range(2))]

        chosen = ingestion.take_turns(jobs, served={}, slots=5, long_slots=1)

        assert [job.person_id for job in chosen] == [ANN, BEN, ANN, BEN, ANN]

    def test_remembers_whose_turn_it_was(self) -> None:
        served: dict[UUID | None, int] = {}
        jobs = [job_of(ANN), job_of(ANN), job_of(BEN)]

        first = ingestion.take_turns(jobs, served=served, slots=1, long_slots=1)
        second = ingestion.take_turns(jobs[1:], served=served, slots=1, long_slots=1)

        assert [job.person_id for job in first + second] == [ANN, BEN]

    def test_keeps_a_slot_free_of_long_documents(self) -> None:
        jobs = [*(job_of(ANN, is_long=True) for _ in range(4)), job_of(ANN)]

        chosen = ingestion.take_turns(jobs, served={}, slots=4, long_slots=1)

        assert [job.is_long for job in chosen] == [True, False]

    def test_begins_with_a_long_document_that_would_wait_for_ever(self) -> None:
        jobs = [*(job_of(ANN) for _ in range(5)), job_of(BEN, is_long=True)]

        chosen = ingestion.take_turns(jobs, served={}, slots=2, long_slots=1, long_first=True)

        assert [job.is_long for job in chosen] == [True, False]

    def test_begins_with_a_short_one_where_none_is_long(self) -> None:
        chosen = ingestion.take_turns(
            [job_of(ANN)], served={}, slots=2, long_slots=1, long_first=True
        )

        assert len(chosen) == 1

    def test_lets_nobody_with_a_thousand_jobs_delay_somebody_with_one(self) -> None:
        served: dict[UUID | None, int] = {}
        many = [job_of(ANN) for _ in range(1000)]
        ingestion.take_turns(many, served=served, slots=100, long_slots=1)
        late = job_of(BEN)

        chosen = ingestion.take_turns([*many[100:], late], served=served, slots=1, long_slots=1)

        assert chosen == [late]


class TestFairness:
    def test_gives_the_next_slot_to_the_person_who_just_came(self, brain: Brain) -> None:
        flood = [make_document(brain) for _ in range(40)]
        IngestionJob.objects.bulk_create(
            IngestionJob(version=version_of(document), stage=Stage.READ, page_from=first)
            for document in flood
            for first in range(25)
        )
        served: dict[UUID | None, int] = {}
        first = ingestion.take_turns(
            ingestion.ready_jobs(queue=Queue.INGEST_WORKER, per_person=3),
            served=served,
            slots=3,
            long_slots=1,
        )
        ingestion.mark_hinted(job_ids=[job.job_id for job in first])
        late = make_job(make_document(make_brain(owner=make_user())))

        chosen = ingestion.take_turns(
            ingestion.ready_jobs(queue=Queue.INGEST_WORKER, per_person=1),
            served=served,
            slots=1,
            long_slots=1,
        )

        assert len(first) == 3
        assert [job.job_id for job in chosen] == [late.pk]


class TestLoadOf:
    def test_counts_what_runs_and_what_is_on_its_way(self, brain: Brain) -> None:
        claim(make_job(make_document(brain), is_long=True))
        ingestion.mark_hinted(job_ids=[make_job(make_document(brain)).pk])
        make_job(make_document(brain))
        done = make_job(make_document(brain))
        IngestionJob.objects.filter(pk=done.pk).update(state=JobState.DONE, hinted_at=Now())

        load = ingestion.load_of(queue=Queue.INGEST_WORKER)

        assert (load.all, load.long) == (2, 1)
