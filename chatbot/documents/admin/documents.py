"""Documents and their versions."""

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
from chatbot.documents.admin.repairs import cancel, latest, progress, reread, retry
from chatbot.documents.admin.timeline import timeline
from chatbot.documents.models import (
    Document,
    DocumentVersion,
)
from chatbot.documents.services.repairs import remove_document


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
        "address",
        "size",
        "media_type",
        "sha256",
        "created_by",
        "created_at",
        "jobs",
        "buttons",
        "timeline",
    )
    readonly_fields = fields
    inlines = (VersionInline,)
    actions = ("try_again", "cancel", "read_again")
    object_buttons: ClassVar[dict[str, Button]] = {
        "retry": Button("Try again", lambda document: retry(latest(document))),
        "cancel": Button("Cancel", lambda document: cancel(latest(document))),
        "reread": Button("Read again", lambda document: reread(latest(document))),
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

    @admin.action(description="Read again", permissions=["view"])
    def read_again(self, request: HttpRequest, documents: QuerySet[Document, Document]) -> None:
        self.press_all(request, self.object_buttons["reread"], documents)

    @admin.display(description="State", ordering="current_version__state")
    def state(self, document: Document) -> str:
        version = document.current_version
        return version.get_state_display() if version else "-"

    @admin.display(description="Pages done")
    def progress(self, document: Document) -> str:
        return progress(document.current_version)

    @admin.display(description="Error", ordering="current_version__error_code")
    def error(self, document: Document) -> str:
        return (document.current_version and document.current_version.error_code) or "-"

    @admin.display(description="What happened")
    def what_happened(self, document: Document) -> str:
        return (document.current_version and document.current_version.error_sentence) or "-"

    @admin.display(description="Address")
    def address(self, document: Document) -> str:
        """Without the query, which may hold a secret: members of the brain alone see that."""
        return document.source_url.partition("?")[0] or "-"

    @admin.display(description="Size", ordering="current_version__size_bytes")
    def size(self, document: Document) -> str:
        version = document.current_version
        return filesizeformat(version.size_bytes) if version and version.size_bytes else "-"

    @admin.display(description="Type")
    def media_type(self, document: Document) -> str:
        return (document.current_version and document.current_version.media_type) or "-"

    @admin.display(description="Jobs")
    def jobs(self, document: Document) -> SafeString:
        return _link_to_jobs(latest(document))

    @admin.display(description="Timeline")
    def timeline(self, document: Document) -> SafeString:
        return timeline(document)


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
        "retry": Button("Try again", lambda version: retry(version.pk)),
        "cancel": Button("Cancel", lambda version: cancel(version.pk)),
    }

    @admin.action(description="Try again", permissions=["view"])
    def try_again(
        self, request: HttpRequest, versions: QuerySet[DocumentVersion, DocumentVersion]
    ) -> None:
        self.press_all(request, self.object_buttons["retry"], versions)

    @admin.display(description="Pages done")
    def progress(self, version: DocumentVersion) -> str:
        return progress(version)

    @admin.display(description="Jobs")
    def jobs(self, version: DocumentVersion) -> SafeString:
        return _link_to_jobs(version.pk)


def _link_to_jobs(version_id: UUID | None) -> SafeString:
    address = reverse("admin:documents_ingestionjob_changelist")
    return format_html('<a href="{}?version__id__exact={}">Show</a>', address, version_id)
