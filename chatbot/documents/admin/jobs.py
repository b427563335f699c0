"""Jobs: one stage on a range of pages."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from chatbot.admin_pages import Button, ReadOnlyAdmin
from chatbot.documents.admin.repairs import retry
from chatbot.documents.models import (
    IngestionJob,
)


@admin.register(IngestionJob)
class IngestionJobAdmin(ReadOnlyAdmin):
    """One stage on a range of pages; trying again is for the whole version."""

    list_display = (
        "stage",
        "pages",
        "document",
        "state",
        "faults",
        "deaths",
        "crashes",
        "worker",
        "error_code",
        "created_at",
        "started_at",
        "finished_at",
    )
    list_filter = ("state", "stage", "error_code", "created_at")
    list_select_related = ("version__document",)
    search_fields = ("version__document__title", "worker", "error_code", "=id", "=version__id")
    fields = (
        *list_display,
        "error_detail",
        "run_after",
        "hinted_at",
        "leased_until",
        "is_long",
        "buttons",
    )
    readonly_fields = ("pages", "document", "buttons")
    actions = ("try_again",)
    object_buttons: ClassVar[dict[str, Button]] = {
        "retry": Button("Try the document again", lambda job: retry(job.version_id))
    }

    @admin.action(description="Try their documents again", permissions=["view"])
    def try_again(self, request: HttpRequest, jobs: QuerySet[IngestionJob, IngestionJob]) -> None:
        one_of_each = jobs.order_by("version", "created_at").distinct("version")
        self.press_all(request, self.object_buttons["retry"], one_of_each)

    @admin.display(description="Pages")
    def pages(self, job: IngestionJob) -> str:
        return f"{job.page_from}-{job.page_to}" if job.page_to else "-"

    @admin.display(description="Document", ordering="version__document__title")
    def document(self, job: IngestionJob) -> str:
        return job.version.document.title
