"""Which embedding models the index knows."""

from django.contrib import admin

from chatbot.admin_pages import ReadOnlyAdmin
from chatbot.retrieval.models import IndexGeneration


@admin.register(IndexGeneration)
class IndexGenerationAdmin(ReadOnlyAdmin):
    list_display = ("model_name", "dimensions", "is_active", "created_at")
