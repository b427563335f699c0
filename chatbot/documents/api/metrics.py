"""Figures of ingestion and of webhooks for Prometheus: how things are now, as PostgreSQL has them.

Any web process tells the same; nothing tells who uploaded what.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chatbot.api.errors import respond
from chatbot.contracts.errors import AppError
from chatbot.documents.services import overview
from chatbot.metrics_readers import check_reader
from chatbot.webhooks.api.metrics import WebhookCollector

PREFIX: Final = "brainstem_ingest_"
_LATELY: Final = timedelta(hours=1)


class IngestionCollector(Collector):
    """Asks the database at each scrape: a handful of statements on indexed rows."""

    def collect(self) -> Iterator[Metric]:
        yield from self._stages()
        yield from self._workers()
        documents = _gauge("documents", "Documents that have not ended, by state.", "state")
        for state, count in overview.unfinished_documents().items():
            documents.add_metric([state], count)
        failed = _gauge("failed_documents", "Documents that failed within an hour.", "code")
        for code, count in overview.failures(within=_LATELY).items():
            failed.add_metric([code], count)
        yield from (documents, failed)
        yield from self._attempts()

    @staticmethod
    def _stages() -> Iterator[Metric]:
        jobs = _gauge("jobs", "Jobs by stage: ready, put off, running.", "stage", "state")
        oldest = _gauge("oldest_job_seconds", "How long the oldest ready job waits.", "stage")
        for load in overview.stage_loads():
            jobs.add_metric([load.stage, "ready"], load.ready)
            jobs.add_metric([load.stage, "put-off"], load.put_off)
            jobs.add_metric([load.stage, "running"], load.running)
            oldest.add_metric([load.stage], load.oldest_seconds)
        yield from (jobs, oldest)

    @staticmethod
    def _workers() -> Iterator[Metric]:
        workers = _gauge("workers", "Workers by queue: all, those that drain.", "queue", "state")
        slots = _gauge("slots", "Jobs that workers of a queue can run at once.", "queue")
        for queue in overview.queue_workers():
            workers.add_metric([queue.queue, "alive"], queue.alive)
            workers.add_metric([queue.queue, "draining"], queue.draining)
            slots.add_metric([queue.queue], queue.slots)
        yield from (workers, slots)

    @staticmethod
    def _attempts() -> Iterator[Metric]:
        count = _gauge("attempts", "Attempts that ended within an hour.", "stage", "outcome")
        seconds = _gauge("attempt_seconds", "What they took together.", "stage", "outcome")
        for found in overview.attempts(within=_LATELY):
            count.add_metric([found.stage, found.outcome], found.count)
            seconds.add_metric([found.stage, found.outcome], found.seconds)
        yield from (count, seconds)


_REGISTRY: Final = CollectorRegistry(auto_describe=False)
# Described, a registry would ask the database for its names while modules are imported.
_REGISTRY.register(IngestionCollector())
_REGISTRY.register(WebhookCollector())


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """`GET /metrics`, which the front door doesn't lead to."""
    try:
        check_reader(
            header=request.headers.get,
            address=request.META.get("REMOTE_ADDR", ""),
        )
    except AppError as error:
        return respond(error)
    return HttpResponse(generate_latest(_REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _gauge(name: str, documentation: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, documentation, labels=labels)
