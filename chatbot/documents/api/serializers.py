"""What documents and pages look like in JSON."""

from typing import Any
from uuid import UUID

from rest_framework import serializers

from chatbot.documents.models import Document, DocumentVersion, Page, PageSource, VersionState
from chatbot.documents.services.names import display_name
from chatbot.outbound.urls import LONGEST_URL


class UploadInput(serializers.Serializer[Any]):
    file = serializers.FileField(allow_empty_file=True)
    title = serializers.CharField(
        max_length=300, required=False, allow_blank=True, help_text="Empty: the file's name."
    )

    def validate_title(self, title: str) -> str:
        return display_name(title)


class FetchInput(serializers.Serializer[Any]):
    url = serializers.CharField(
        max_length=LONGEST_URL, help_text="Where the file is: https:// or http://."
    )
    title = serializers.CharField(
        max_length=300, required=False, allow_blank=True, help_text="Empty: the file's name."
    )

    def validate_title(self, title: str) -> str:
        return display_name(title)


class DocumentsQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=VersionState.choices, required=False)
    search = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="Part of the title."
    )


class FileQuery(serializers.Serializer[Any]):
    inline = serializers.BooleanField(
        default=False, help_text="Show instead of save; for PDF and images only."
    )


class DocumentErrorOutput(serializers.Serializer[DocumentVersion]):
    code = serializers.CharField(source="error_code")
    sentence = serializers.CharField(source="error_sentence")

    def to_representation(self, instance: DocumentVersion) -> Any:  # noqa: ANN401 - None, too
        return super().to_representation(instance) if instance.error_code else None


class NextVersionOutput(serializers.Serializer[DocumentVersion]):
    version = serializers.IntegerField(source="number")
    engine = serializers.CharField(help_text="The OCR engine that was asked for.")
    state = serializers.ChoiceField(choices=VersionState.choices)
    pages_total = serializers.IntegerField(allow_null=True)
    pages_done = serializers.IntegerField()
    # DRF's own attribute of this name is not in its way.
    error = DocumentErrorOutput(source="*", allow_null=True)
    job = serializers.UUIDField(source="id", help_text="See jobs/{id}.")


class RereadInput(serializers.Serializer[Any]):
    engine = serializers.CharField(
        max_length=32,
        required=False,
        default="",
        allow_blank=True,
        help_text="The OCR engine, of those that `site` names; empty: the usual one.",
    )


class DocumentUserOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()


class DocumentOutput(serializers.Serializer[Document]):
    id = serializers.UUIDField()
    brain = serializers.UUIDField(source="brain_id")
    title = serializers.CharField()
    source_url = serializers.CharField(help_text="Empty for files that were uploaded.")
    media_type = serializers.CharField(
        source="current_version.media_type", help_text="Empty until the file is there."
    )
    size_bytes = serializers.IntegerField(source="current_version.size_bytes")
    sha256 = serializers.CharField(help_text="Empty until the file is there.")
    state = serializers.ChoiceField(choices=VersionState.choices, source="current_version.state")
    pages_total = serializers.IntegerField(
        source="current_version.pages_total",
        allow_null=True,
        help_text="Null until the file has been opened.",
    )
    pages_done = serializers.IntegerField(source="current_version.pages_done")
    error = DocumentErrorOutput(source="current_version", allow_null=True)
    same_as = serializers.SerializerMethodField(
        help_text="With the error `same-file-present`: the document that has the same file."
    )
    version = serializers.IntegerField(source="current_version.number")
    job = serializers.UUIDField(source="current_version_id", help_text="See jobs/{id}.")
    next = NextVersionOutput(
        source="next_version",
        allow_null=True,
        help_text="Where the file is being read again; until that has ended well, all stays.",
    )
    created_at = serializers.DateTimeField()
    created_by = DocumentUserOutput(allow_null=True)
    finished_at = serializers.DateTimeField(source="current_version.finished_at", allow_null=True)

    def get_same_as(self, document: Document) -> UUID | None:
        return getattr(document, "same_as", None)


class PageSummaryOutput(serializers.Serializer[Page]):
    number = serializers.IntegerField()
    # Fields of these names; DRF's own attributes are not in their way.
    label = serializers.CharField(  # type: ignore[assignment]
        help_text="What the document itself calls the page."
    )
    source = serializers.ChoiceField(choices=PageSource.choices)  # type: ignore[assignment]
    confidence = serializers.FloatField(allow_null=True, help_text="Of OCR, 0 to 1.")
    is_indexed = serializers.SerializerMethodField(help_text="Search finds the page.")

    def get_is_indexed(self, page: Page) -> bool:
        return page.indexed_at is not None


class PageOutput(PageSummaryOutput):
    text = serializers.CharField()
    boxes = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=6, max_length=6),
        help_text=(
            "`[start, end, x0, y0, x1, y1]`: characters of `text`, and a rectangle in the units of "
            "`width` and `height` from the upper left corner."
        ),
    )
    width = serializers.FloatField(allow_null=True)
    height = serializers.FloatField(allow_null=True)


class ChangedOutput(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="So many documents.")
    has_more = serializers.BooleanField(help_text="The time was up before all were done.")
