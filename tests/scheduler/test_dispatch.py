"""Hints: few, fair, and sent again when they are lost."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from django.conf import settings
from django.db.models.functions import Now
from pytest_django import Settings
from redis import Redis

from chatbot import jobs
from chatbot.brains.models import Brain
from chatbot.contracts import keys
from chatbot.contracts.tasks import Queue, Stage
from chatbot.documents.models import Document, IngestionJob, JobState
from chatbot.scheduler.dispatch import FETCHES_PER_SLOT, Dispatcher
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import claim, make_document, make_job

pytestmark = pytest.mark.django_db
QUEUE = Queue.INGEST_WORKER


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis.from_url(settings.REDIS_URL) as client:
        yield client


@pytest.fixture
def brain() -> Brain:
    return make_brain(owner=make_user())


@pytest.fixture
def dispatcher() -> Dispatcher:
    """Of a queue with a worker of two slots."""
    jobs.report_slots(queue=QUEUE, worker="worker", slots=2)
    return Dispatcher(queue=QUEUE)


def hints(redis: Redis) -> list[UUID]:
    """The jobs that workers are told of, in the order in which they will hear it."""
    with redis.pipeline() as pipe:
        pipe.lrange(keys.celery_queue(QUEUE), 0, -1)
        messages = pipe.execute()[0]
    return [UUID(_keywords(message)["job_id"]) for message in reversed(messages)]


def fetches_told(redis: Redis) -> list[bool]:
    """Of each hint: whether its job only waits for a server of others."""
    with redis.pipeline() as pipe:
        pipe.lrange(keys.celery_queue(QUEUE), 0, -1)
        messages = pipe.execute()[0]
    return [bool(_keywords(message)["is_fetch"]) for message in messages]


def make_fetch(document: Document) -> IngestionJob:
    return make_job(document, stage=Stage.FETCH, is_long=True)


def _keywords(message: bytes) -> dict[str, str]:
    body = json.loads(base64.b64decode(json.loads(message)["body"]))
    keywords: dict[str, str] = body[1]
    return keywords


class TestDispatch:
    def test_sends_only_a_little(self, brain: Brain, dispatcher: Dispatcher, redis: Redis) -> None:
        _ = [make_job(make_document(brain)) for _ in range(10)]

        first = dispatcher.dispatch()
        second = dispatcher.dispatch()

        assert (first, second) == (3, 0)
        assert len(hints(redis)) == 3

    def test_claims_nothing(self, brain: Brain, dispatcher: Dispatcher) -> None:
        job = make_job(make_document(brain))

        dispatcher.dispatch()

        job.refresh_from_db()
        assert job.state == JobState.QUEUED
        assert job.hinted_at is not None

    def test_leaves_a_slot_for_short_documents(
        self, brain: Brain, dispatcher: Dispatcher, redis: Redis
    ) -> None:
        _ = [make_job(make_document(brain), is_long=True) for _ in range(4)]
        short = make_job(make_document(brain))

        sent = dispatcher.dispatch()

        assert sent == 2
        assert short.pk in hints(redis)

    def test_counts_long_documents_that_are_running(
        self, brain: Brain, dispatcher: Dispatcher
    ) -> None:
        claim(make_job(make_document(brain), is_long=True))
        make_job(make_document(brain), is_long=True)

        assert dispatcher.dispatch() == 0

    def test_lets_a_single_slot_serve_long_documents_too(self, brain: Brain, redis: Redis) -> None:
        jobs.report_slots(queue=QUEUE, worker="worker", slots=1)
        long = make_job(make_document(brain), is_long=True)

        Dispatcher(queue=QUEUE).dispatch()

        assert hints(redis) == [long.pk]

    def test_goes_round_between_people(
        self, brain: Brain, dispatcher: Dispatcher, redis: Redis
    ) -> None:
        flood = [make_job(make_document(brain)) for _ in range(30)]
        dispatcher.dispatch()
        IngestionJob.objects.filter(hinted_at__isnull=False).update(state=JobState.DONE)
        redis.delete(keys.celery_queue(QUEUE))
        late = make_job(make_document(make_brain(owner=make_user())))

        dispatcher.dispatch()

        assert hints(redis)[0] == late.pk
        assert len(flood) == 30

    def test_repeats_a_hint_that_nobody_followed(
        self, brain: Brain, dispatcher: Dispatcher, redis: Redis
    ) -> None:
        job = make_job(make_document(brain))
        dispatcher.dispatch()
        redis.flushdb()
        IngestionJob.objects.filter(pk=job.pk).update(hinted_at=Now() - timedelta(seconds=11))

        sent = dispatcher.dispatch()

        assert sent == 1
        assert hints(redis) == [job.pk]

    def test_does_not_pile_up_hints_while_no_worker_fetches_them(
        self, brain: Brain, dispatcher: Dispatcher, redis: Redis
    ) -> None:
        _ = [make_job(make_document(brain)) for _ in range(5)]

        for _ in range(5):
            dispatcher.dispatch()
            IngestionJob.objects.update(hinted_at=Now() - timedelta(seconds=11))

        assert len(hints(redis)) == 3

    def test_lets_fetches_take_no_slot(
        self, brain: Brain, dispatcher: Dispatcher, redis: Redis
    ) -> None:
        fetches = [make_fetch(make_document(brain)) for _ in range(50)]
        first = dispatcher.dispatch()
        told_first = fetches_told(redis)
        redis.delete(keys.celery_queue(QUEUE))
        late = make_brain(owner=make_user())
        long = [make_job(make_document(late), is_long=True) for _ in range(2)]
        short = make_job(make_document(late))

        dispatcher.dispatch()

        assert (first, told_first) == (2, [True, True])
        assert short.pk in hints(redis)
        assert len(set(hints(redis)) & {job.pk for job in long}) == 1
        assert fetches_told(redis) == [False, False]
        assert len(fetches) == 50

    def test_leaves_half_of_the_fetches_to_others(
        self, brain: Brain, dispatcher: Dispatcher, redis: Redis
    ) -> None:
        anns = [make_fetch(make_document(brain)) for _ in range(5)]
        for job in anns[:2]:
            claim(job)
        other = make_brain(owner=make_user())
        bens = [make_fetch(make_document(other)) for _ in range(5)]

        sent = dispatcher.dispatch()

        assert sent == FETCHES_PER_SLOT * 2 - 2
        assert set(hints(redis)) <= {job.pk for job in bens}

    def test_has_a_bound_of_fetches(self, dispatcher: Dispatcher, redis: Redis) -> None:
        for _ in range(5):
            theirs = make_brain(owner=make_user())
            _ = [make_fetch(make_document(theirs)) for _ in range(3)]

        sent = [dispatcher.dispatch() for _ in range(2)]

        assert sent == [FETCHES_PER_SLOT * 2, 0]
        assert all(fetches_told(redis))

    def test_serves_each_queue_apart(self, brain: Brain, dispatcher: Dispatcher) -> None:
        make_job(make_document(brain), stage=Stage.OCR, pages=(1, 2))

        assert dispatcher.dispatch() == 0
        assert Dispatcher(queue=Queue.OCR_WORKER).dispatch() == 1

    def test_waits_while_redis_is_away(
        self, brain: Brain, dispatcher: Dispatcher, settings: Settings
    ) -> None:
        job = make_job(make_document(brain))
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        jobs.redis_client.cache_clear()

        sent = dispatcher.dispatch()

        jobs.redis_client.cache_clear()
        job.refresh_from_db()
        assert sent == 0
        assert job.hinted_at is None
