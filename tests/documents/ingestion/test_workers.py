"""Which processes run jobs."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from chatbot.contracts.tasks import Queue
from chatbot.documents.models import Worker
from chatbot.documents.services import ingestion

pytestmark = pytest.mark.django_db


def tell_alive() -> bool:
    return ingestion.tell_alive(name="host:1", queue=Queue.OCR_WORKER, slots=2)


class TestWorkers:
    def test_are_seen(self) -> None:
        assert not tell_alive()

        worker = Worker.objects.get()
        assert (worker.name, worker.queue, worker.slots) == ("host:1", "ocr_worker", 2)
        assert worker.ended_at is None

    def test_are_seen_again(self) -> None:
        tell_alive()
        Worker.objects.update(seen_at=Now() - timedelta(minutes=1))

        tell_alive()

        assert Worker.objects.filter(seen_at__gt=Now() - timedelta(seconds=30)).exists()

    def test_learn_that_they_are_to_take_no_more(self) -> None:
        tell_alive()
        Worker.objects.update(is_draining=True)

        assert tell_alive()

    def test_say_that_they_end(self) -> None:
        tell_alive()

        ingestion.tell_ended(name="host:1")

        assert Worker.objects.get().ended_at is not None

    def test_are_forgotten_after_days(self) -> None:
        tell_alive()
        Worker.objects.update(seen_at=Now() - timedelta(days=8))

        assert ingestion.remove_old_workers() == 1
