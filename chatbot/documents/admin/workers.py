"""Workers, and the queue as a whole."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.timesince import timesince

from chatbot.admin_pages import Button, ReadOnlyAdmin
from chatbot.documents.models import (
    AttemptOutcome,
    JobAttempt,
    Worker,
)
from chatbot.documents.services import ingestion, overview


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    """Processes that run jobs; a drained one ends what it does, and takes no more."""

    change_list_template = "admin/documents/ingestion.html"
    list_display = (
        "name",
        "queue",
        "status",
        "slots",
        "running",
        "isolation",
        "seen_at",
        "started_at",
    )
    list_filter = ("queue", "is_draining")
    search_fields = ("name",)
    fields = (*list_display, "ended_at", "buttons")
    readonly_fields = ("status", "running", "isolation", "buttons")
    actions = ("drain", "take_jobs")
    object_buttons: ClassVar[dict[str, Button]] = {
        "drain": Button("Drain", lambda worker: _set_draining(worker, is_draining=True)),
        "take": Button("Take jobs again", lambda worker: _set_draining(worker, is_draining=False)),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker, Worker]:
        running = JobAttempt.objects.filter(
            worker=OuterRef("name"), outcome=AttemptOutcome.RUNNING
        ).order_by()
        counted = running.values("worker").annotate(count=Count("pk")).values("count")
        workers: QuerySet[Worker, Worker] = super().get_queryset(request)
        return workers.annotate(running_jobs=Subquery(counted))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        shown = {
            "stages": overview.stage_loads(),
            "people": overview.person_loads(),
            "queues": overview.queue_workers(),
            "unfinished": overview.unfinished_documents(),
            "failures": overview.failures(within=timedelta(days=1)),
        }
        return super().changelist_view(request, {**(extra_context or {}), **shown})

    @admin.action(description="Drain", permissions=["view"])
    def drain(self, request: HttpRequest, workers: QuerySet[Worker, Worker]) -> None:
        self.press_all(request, self.object_buttons["drain"], workers)

    @admin.action(description="Take jobs again", permissions=["view"])
    def take_jobs(self, request: HttpRequest, workers: QuerySet[Worker, Worker]) -> None:
        self.press_all(request, self.object_buttons["take"], workers)

    @admin.display(description="Status")
    def status(self, worker: Worker) -> str:
        if worker.ended_at:
            return "ended"
        age = (timezone.now() - worker.seen_at).total_seconds()
        if age > ingestion.ALIVE_SECONDS:
            return f"silent for {timesince(worker.seen_at)}"
        return "draining" if worker.is_draining else "works"

    @admin.display(description="Isolation of readers")
    def isolation(self, worker: Worker) -> str:
        return f"without {worker.missing_walls}" if worker.missing_walls else "complete"

    @admin.display(description="Jobs in hand")
    def running(self, worker: Any) -> int:  # noqa: ANN401 - with the count of `get_queryset`
        return worker.running_jobs or 0


def _set_draining(worker: Worker, *, is_draining: bool) -> str:
    ingestion.set_draining(name=worker.pk, is_draining=is_draining)
    return "takes no more jobs." if is_draining else "takes jobs again."
