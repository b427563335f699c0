"""What is on its way into brains."""

from django.contrib import admin

from chatbot.admin_pages import LightDeletion, ReadOnlyAdmin
from chatbot.uploads.models import Batch, Upload


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    list_display = (
        "filename",
        "brain",
        "user",
        "state",
        "offset",
        "length",
        "error_code",
        "created_at",
        "expires_at",
    )
    list_filter = ("state", "error_code", "created_at")
    list_select_related = ("brain", "user")
    search_fields = ("filename", "user__email", "brain__name", "=id")
    fields = (*list_display, "title", "document", "error_sentence")


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin, LightDeletion):
    """Its items are read through the API: there may be thousands."""

    can_delete = True
    list_display = ("id", "brain", "created_by", "created_at", "cancelled_at")
    list_select_related = ("brain", "created_by")
    search_fields = ("brain__name", "created_by__email", "=id")
    fields = list_display
