"""Documents and how far their ingestion is, with buttons that repair it."""

from typing import ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chatbot.admin_pages import Button, LightDeletion, ReadOnlyAdmin, ReadOnlyInline
from chatbot.documents.models import Document, DocumentVersion, IngestionJob
from chatbot.documents.services.repairs import cancel_version, remove_document, retry_version


def _retry(version_id: UUID | None) -> str:
    if version_id is not None:
        retry_version(version_id=version_id)
    return "queued again."


def _cancel(version_id: UUID | None) -> str:
    if version_id is not None:
        cancel_version(version_id=version_id)
    return "cancelled; what is indexed stays."


def _progress(version: DocumentVersion | None) -> str:
    if version is None or version.pages_total is None:
        return "-"
    return f"{version.pages_done} / {version.pages_total}"


class VersionInline(ReadOnlyInline):
    model = DocumentVersion
    fk_name = "document"
    fields = ("number", "state", "pages_done", "pages_total", "error_sentence", "created_at")
    readonly_fields = fields


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin, LightDeletion):
    can_delete = True
    list_display = (
        "title",
        "brain",
        "state",
        "progress",
        "error",
        "size",
        "created_by",
        "created_at",
    )
    list_filter = ("current_version__state", "current_version__media_type", "created_at")
    list_select_related = ("brain", "current_version", "created_by")
    search_fields = ("title", "brain__name", "created_by__email", "sha256", "=id")
    fields = (
        "title",
        "brain",
        "state",
        "progress",
        "error",
        "what_happened",
        "size",
        "media_type",
        "sha256",
        "created_by",
        "created_at",
        "jobs",
        "buttons",
    )
    readonly_fields = fields
    inlines = (VersionInline,)
    actions = ("try_again", "cancel")
    object_buttons: ClassVar[dict[str, Button]] = {
        "retry": Button("Try again", lambda document: _retry(document.current_version_id)),
        "cancel": Button("Cancel", lambda document: _cancel(document.current_version_id)),
    }

    def delete_model(self, request: HttpRequest, obj: Document) -> None:  # noqa: ARG002 - Django's
        remove_document(document_id=obj.pk)

    def delete_queryset(
        self,
        request: HttpRequest,
        queryset: QuerySet[Document, Document],
    ) -> None:
        for document in queryset:
            self.delete_model(request, document)

    @admin.action(description="Try again", permissions=["view"])
    def try_again(self, request: HttpRequest, documents: QuerySet[Document, Document]) -> None:
        self.press_all(request, self.object_buttons["retry"], documents)

    @admin.action(description="Cancel", permissions=["view"])
    def cancel(self, request: HttpRequest, documents: QuerySet[Document, Document]) -> None:
        self.press_all(request, self.object_buttons["cancel"], documents)

    @admin.display(description="State", ordering="current_version__state")
    def state(self, document: Document) -> str:
        version = document.current_version
        return version.get_state_display() if version else "-"

    @admin.display(description="Pages done")
    def progress(self, document: Document) -> str:
        return _progress(document.current_version)

    @admin.display(description="Error", ordering="current_version__error_code")
    def error(self, document: Document) -> str:
        return (document.current_version and document.current_version.error_code) or "-"

    @admin.display(description="What happened")
    def what_happened(self, document: Document) -> str:
        return (document.current_version and document.current_version.error_sentence) or "-"

    @admin.display(description="Size", ordering="current_version__size_bytes")
    def size(self, document: Document) -> str:
        version = document.current_version
        return filesizeformat(version.size_bytes) if version else "-"

    @admin.display(description="Type")
    def media_type(self, document: Document) -> str:
        return document.current_version.media_type if document.current_version else "-"

    @admin.display(description="Jobs")
    def jobs(self, document: Document) -> SafeString:
        return _link_to_jobs(document.current_version_id)


@admin.register(DocumentVersion)
class DocumentVersionAdmin(ReadOnlyAdmin):
    list_display = (
        "document",
        "number",
        "state",
        "progress",
        "error_code",
        "media_type",
        "created_at",
        "finished_at",
    )
    list_filter = ("state", "error_code", "media_type", "created_at")
    list_select_related = ("document",)
    search_fields = ("document__title", "error_code", "=id", "=document__id")
    fields = (*list_display, "error_sentence", "size_bytes", "jobs", "buttons")
    readonly_fields = ("progress", "jobs", "buttons")
    actions = ("try_again",)
    object_buttons: ClassVar[dict[str, Button]] = {
        "retry": Button("Try again", lambda version: _retry(version.pk)),
        "cancel": Button("Cancel", lambda version: _cancel(version.pk)),
    }

    @admin.action(description="Try again", permissions=["view"])
    def try_again(
        self, request: HttpRequest, versions: QuerySet[DocumentVersion, DocumentVersion]
    ) -> None:
        self.press_all(request, self.object_buttons["retry"], versions)

    @admin.display(description="Pages done")
    def progress(self, version: DocumentVersion) -> str:
        return _progress(version)

    @admin.display(description="Jobs")
    def jobs(self, version: DocumentVersion) -> SafeString:
        return _link_to_jobs(version.pk)


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
        "retry": Button("Try the document again", lambda job: _retry(job.version_id))
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


def _link_to_jobs(version_id: UUID | None) -> SafeString:
    address = reverse("admin:documents_ingestionjob_changelist")
    return format_html('<a href="{}?version__id__exact={}">Show</a>', address, version_id)
