"""What uploads and batches look like in JSON."""

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from chatbot.documents.api.serializers import DocumentErrorOutput
from chatbot.documents.api.serializers import UploadInput as FileInput
from chatbot.documents.models import Document, VersionState
from chatbot.documents.services.names import display_name
from chatbot.uploads.models import ITEM_STATES, Batch, BatchItem, ItemResult, Upload, UploadState
from chatbot.uploads.selectors import count_by_state
from chatbot.uploads.services.batches import ITEMS_LIMIT

_LARGEST = 2**63 - 1


class _ForBatch(serializers.Serializer[Any]):
    batch = serializers.UUIDField(required=False, help_text="With `ref`: the item it is for.")
    ref = serializers.CharField(max_length=200, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("batch" in attrs) != ("ref" in attrs):
            raise serializers.ValidationError({"ref": "`batch` and `ref` go together."})
        return attrs


class BatchUploadInput(FileInput, _ForBatch):
    """A file of `POST brains/{id}/documents`."""


class MetadataInput(_ForBatch):
    """The header Upload-Metadata, decoded."""

    brain = serializers.UUIDField()
    filename = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")
    title = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")

    def validate_filename(self, filename: str) -> str:
        return display_name(filename)

    def validate_title(self, title: str) -> str:
        return display_name(title)


class UploadErrorOutput(serializers.Serializer[Any]):
    code = serializers.CharField(source="error_code")
    sentence = serializers.CharField(source="error_sentence")

    def to_representation(self, instance: Any) -> Any:  # noqa: ANN401 - None, too
        return super().to_representation(instance) if instance.error_code else None


class UploadOutput(serializers.Serializer[Upload]):
    id = serializers.UUIDField()
    brain = serializers.UUIDField(source="brain_id")
    filename = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=UploadState.choices)
    offset = serializers.IntegerField(help_text="Bytes that are stored.")
    length = serializers.IntegerField()
    document = serializers.UUIDField(source="document_id", allow_null=True)
    # DRF's own attribute of this name is not in its way.
    error = UploadErrorOutput(source="*", allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class ItemInput(serializers.Serializer[Any]):
    ref = serializers.CharField(max_length=200, help_text="Chosen by the client, once in a batch.")
    name = serializers.CharField(max_length=255, required=False, allow_blank=True, default="")
    title = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    sha256 = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        default="",
        help_text="In hexadecimal; a file that the brain has already needs not be sent.",
    )
    size_bytes = serializers.IntegerField(min_value=0, max_value=_LARGEST, required=False)
    url = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")

    def validate_name(self, name: str) -> str:
        return display_name(name)

    def validate_title(self, title: str) -> str:
        return display_name(title)

    def validate_sha256(self, sha256: str) -> str:
        return sha256.lower()


class BatchInput(serializers.Serializer[Any]):
    items = serializers.ListField(child=ItemInput(), min_length=1, max_length=ITEMS_LIMIT)


class ItemDocumentOutput(serializers.Serializer[Document]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=VersionState.choices, source="current_version.state")
    pages_total = serializers.IntegerField(source="current_version.pages_total", allow_null=True)
    pages_done = serializers.IntegerField(source="current_version.pages_done")
    error = DocumentErrorOutput(source="current_version", allow_null=True)


class ItemOutput(serializers.Serializer[BatchItem]):
    ref = serializers.CharField()
    name = serializers.CharField()
    title = serializers.CharField()
    url = serializers.CharField()
    sha256 = serializers.CharField()
    size_bytes = serializers.IntegerField(allow_null=True)
    result = serializers.ChoiceField(choices=ItemResult.choices, help_text="What came of the item.")
    state = serializers.ChoiceField(
        choices=ITEM_STATES, help_text="The document's, or the item's own while it has none."
    )
    document = ItemDocumentOutput(allow_null=True)
    error = UploadErrorOutput(source="*", allow_null=True)


class BatchOutput(serializers.Serializer[Batch]):
    id = serializers.UUIDField()
    brain = serializers.UUIDField(source="brain_id")
    created_at = serializers.DateTimeField()
    cancelled_at = serializers.DateTimeField(allow_null=True)
    counts = serializers.SerializerMethodField(help_text="How many items are in which state.")

    def get_counts(self, batch: Batch) -> dict[str, int]:
        return count_by_state(batch=batch)


class NewBatchOutput(BatchOutput):
    items = ItemOutput(many=True, help_text="In the order of the manifest.")


class ItemsQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=ITEM_STATES, required=False)


def address_of_document(upload: Upload) -> str:
    """Where the upload's document is found."""
    return reverse("document", kwargs={"document_id": upload.document_id})
