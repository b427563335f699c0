"""Uploading in one request, for an item of a batch or without one, once for each key."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chatbot.accounts.api.authentication import user_of
from chatbot.documents.api import views
from chatbot.documents.api.serializers import DocumentOutput, FetchInput
from chatbot.documents.models import Document
from chatbot.documents.services import Also, UploadResult
from chatbot.uploads.api.idempotency import PARAMETER, Store, answer_once, content_of
from chatbot.uploads.api.serializers import BatchUploadInput
from chatbot.uploads.models import BatchItem
from chatbot.uploads.selectors import get_wanted_item
from chatbot.uploads.services.items import check_bytes, mark_received, refusing


class DocumentsView(views.DocumentsView):
    input = BatchUploadInput

    @extend_schema(
        operation_id="upload_document",
        parameters=[PARAMETER],
        request={"multipart/form-data": BatchUploadInput, "application/json": FetchInput},
        responses={
            200: OpenApiResponse(DocumentOutput, "The same bytes are in the brain already."),
            202: OpenApiResponse(DocumentOutput, "Stored; `job` tells how far it is."),
        },
    )
    def post(self, request: Request, brain_id: UUID) -> Response:
        """Uploads a file, or has one fetched (JSON, with its address); needs the role editor.

        What it is, its content decides.
        """
        return super().post(request, brain_id)

    def take_in(
        self,
        brain_id: UUID,
        upload: dict[str, Any],
        also: Also | None = None,  # noqa: ARG002 - nothing stands above this view
    ) -> Response:
        file = upload["file"]
        told = [str(upload.get(name, "")) for name in ("title", "batch", "ref")]
        return answer_once(
            self.request,
            lambda store: self._take_in(brain_id, upload, store),
            file.sha256,
            file.name or "",
            *told,
        )

    def fetch(
        self,
        brain_id: UUID,
        address: dict[str, Any],
        also: Callable[[Document], None] = lambda _: None,  # noqa: ARG002 - as above
    ) -> Response:
        fetch = super().fetch
        return answer_once(
            self.request,
            lambda store: fetch(
                brain_id, address, also=lambda document: store(self.accepted(document))
            ),
            content_of(self.request),
        )

    def _take_in(self, brain_id: UUID, upload: dict[str, Any], store: Store) -> Response:
        item = self._item(brain_id, upload)

        def also(result: UploadResult) -> None:
            mark_received(item, result)
            store(self.stored(result))

        with refusing(item):
            check_bytes(item, sha256=upload["file"].sha256)
            title = upload.get("title") or (item.title if item else "")
            return super().take_in(brain_id, {**upload, "title": title}, also)

    def _item(self, brain_id: UUID, upload: dict[str, Any]) -> BatchItem | None:
        if "batch" not in upload:
            return None
        return get_wanted_item(
            user=user_of(self.request),
            brain_id=brain_id,
            batch_id=upload["batch"],
            ref=upload["ref"],
        )
