"""Many files announced at once."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from chatbot.accounts.api.authentication import user_of
from chatbot.api.parsers import JsonParser
from chatbot.brains.models import BrainRole
from chatbot.brains.selectors import get_brain
from chatbot.contracts.errors import TooLarge
from chatbot.documents.api.serializers import ChangedOutput
from chatbot.documents.api.views import DocumentApiView
from chatbot.uploads.api.idempotency import PARAMETER, Store, answer_once, content_of
from chatbot.uploads.api.serializers import (
    BatchInput,
    BatchOutput,
    ItemOutput,
    ItemsQuery,
    NewBatchOutput,
)
from chatbot.uploads.models import Batch
from chatbot.uploads.selectors import batch_items, get_batch
from chatbot.uploads.services.batches import NewItem, cancel_batch, create_batch, retry_batch

MANIFEST_BYTES: Final = 16 * 1024 * 1024


class ManifestParser(BaseParser):
    """JSON up to a size that thousands of items need.

    No `JSONParser`: for those REST framework has Django read the body, up to its own limit.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: Any,  # noqa: ANN401 - the signature is DRF's
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        length = (parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0
        if int(length) > MANIFEST_BYTES:
            raise TooLarge(
                "The manifest is too large.",
                way_out=f"Make several batches, of at most {MANIFEST_BYTES} bytes each.",
            )
        return JsonParser().parse(stream, media_type, parser_context)


class BatchesView(DocumentApiView):
    parser_classes = (ManifestParser,)

    @extend_schema(
        operation_id="create_batch",
        parameters=[PARAMETER],
        request=BatchInput,
        responses={202: OpenApiResponse(NewBatchOutput, "What is to be done with each item.")},
    )
    def post(self, request: Request, brain_id: UUID) -> Response:
        """Announces up to 10,000 files; needs the role editor.

        `present`: the brain has the same bytes. `wanted`: upload it, with `batch` and `ref`.
        `received`: it is being fetched from its `url`. `refused`: see `error`.
        """
        # Before the body is read.
        get_brain(user=user_of(request), brain_id=brain_id, role=BrainRole.EDITOR)
        items = [NewItem(**item) for item in self.parsed(BatchInput)["items"]]

        def make(store: Store) -> Response:
            answers: list[Response] = []

            def also(batch: Batch) -> None:
                answers.append(self._accepted(batch))
                store(answers[-1])

            create_batch(user=user_of(request), brain_id=brain_id, items=items, also=also)
            return answers[-1]

        return answer_once(request, make, content_of(request))

    def _accepted(self, batch: Batch) -> Response:
        # One serializer for all of them: making one takes longer than what it does.
        shown = ItemOutput()
        items = [shown.to_representation(item) for item in batch_items(batch=batch)]
        return Response({**BatchOutput(batch).data, "items": items}, status=202)


class BatchView(DocumentApiView):
    @extend_schema(operation_id="get_batch", responses=BatchOutput)
    def get(self, request: Request, batch_id: UUID) -> Response:
        """A batch, and how many of its items are in which state."""
        return Response(BatchOutput(get_batch(user=user_of(request), batch_id=batch_id)).data)


class BatchItemsView(DocumentApiView):
    @extend_schema(
        operation_id="list_batch_items", parameters=[ItemsQuery], responses=ItemOutput(many=True)
    )
    def get(self, request: Request, batch_id: UUID) -> Response:
        """The items of a batch in the order of its manifest."""
        batch = get_batch(user=user_of(request), batch_id=batch_id)
        return self.page(batch_items(batch=batch, **self.asked(ItemsQuery)), ItemOutput)


class BatchRetryView(DocumentApiView):
    @extend_schema(operation_id="retry_batch", request=None, responses={202: ChangedOutput})
    def post(self, request: Request, batch_id: UUID) -> Response:
        """Goes on with all documents of a batch that have failed; needs the role editor."""
        changed = retry_batch(user=user_of(request), batch_id=batch_id)
        return Response(ChangedOutput(changed).data, status=202)


class BatchCancelView(DocumentApiView):
    @extend_schema(operation_id="cancel_batch", request=None, responses={202: ChangedOutput})
    def post(self, request: Request, batch_id: UUID) -> Response:
        """Takes no more files for a batch, and cancels its documents; needs the role editor.

        What is indexed stays, and so do documents that the brain had before.
        """
        changed = cancel_batch(user=user_of(request), batch_id=batch_id)
        return Response(ChangedOutput(changed).data, status=202)
