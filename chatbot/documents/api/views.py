"""Documents, their pages and their files."""

from collections.abc import Callable
from typing import Any, ClassVar, Final
from uuid import UUID

from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chatbot.accounts.api.authentication import user_of
from chatbot.accounts.models import Scope
from chatbot.api.parsers import JsonParser
from chatbot.api.views import ApiView
from chatbot.brains.models import BrainRole
from chatbot.brains.selectors import get_brain
from chatbot.documents.api.files import file_response
from chatbot.documents.api.serializers import (
    ChangedOutput,
    DocumentOutput,
    DocumentsQuery,
    FetchInput,
    FileQuery,
    PageOutput,
    PageSummaryOutput,
    RereadInput,
    UploadInput,
)
from chatbot.documents.api.upload import UploadParser
from chatbot.documents.models import Document
from chatbot.documents.selectors import (
    find_documents,
    get_document,
    get_page,
    readable_pages,
)
from chatbot.documents.services import (
    Also,
    UploadResult,
    cancel_document,
    delete_document,
    fetch_document,
    require_room,
    reread_document,
    retry_document,
    retry_failed_documents,
    upload_document,
)

_JSON: Final = "application/json"


class DocumentApiView(ApiView):
    read_scopes = frozenset({Scope.BRAINS_READ})
    write_scopes = frozenset({Scope.BRAINS_WRITE})

    def accepted(self, document: Document, *, status: int = 202) -> Response:
        """The document, and where its job stands."""
        version_id = document.next_version_id or document.current_version_id
        job = reverse("job", kwargs={"job_id": version_id})
        return Response(DocumentOutput(document).data, status=status, headers={"Location": job})


class DocumentsView(DocumentApiView):
    parser_classes = (UploadParser, JsonParser)
    input: ClassVar[type[UploadInput]] = UploadInput

    @extend_schema(
        operation_id="list_documents",
        parameters=[DocumentsQuery],
        responses=DocumentOutput(many=True),
    )
    def get(self, request: Request, brain_id: UUID) -> Response:
        """The documents of a brain, newest first."""
        documents = find_documents(
            user=user_of(request), brain_id=brain_id, **self.asked(DocumentsQuery)
        )
        return self.page(documents, DocumentOutput)

    @extend_schema(
        operation_id="upload_document",
        request={"multipart/form-data": UploadInput, "application/json": FetchInput},
        responses={
            200: OpenApiResponse(DocumentOutput, "The same bytes are in the brain already."),
            202: OpenApiResponse(DocumentOutput, "Stored; `job` tells how far it is."),
        },
    )
    def post(self, request: Request, brain_id: UUID) -> Response:
        """Uploads a file, or has one fetched (JSON, with its address); needs the role editor.

        What it is, its content decides.
        """
        # Before the body is read: nobody sends 200 MB to hear that it isn't allowed.
        get_brain(user=user_of(request), brain_id=brain_id, role=BrainRole.EDITOR)
        if request.content_type.lower().startswith(_JSON):
            return self.fetch(brain_id, self.parsed(FetchInput))
        require_room(user=user_of(request))
        return self.take_in(brain_id, self.parsed(self.input))

    def fetch(
        self,
        brain_id: UUID,
        address: dict[str, Any],
        also: Callable[[Document], None] = lambda _: None,
    ) -> Response:
        """Has a file fetched; `also` as for `fetch_document`."""
        user = user_of(self.request)
        return self.accepted(fetch_document(user=user, brain_id=brain_id, also=also, **address))

    def take_in(self, brain_id: UUID, upload: dict[str, Any], also: Also | None = None) -> Response:
        """Stores what has arrived; `also` as for `upload_document`."""
        file = upload["file"]
        result = upload_document(
            user=user_of(self.request),
            brain_id=brain_id,
            file=file,
            title=upload.get("title", ""),
            sha256=file.sha256,
            size_bytes=file.size,
            also=also,
        )
        return self.stored(result)

    def stored(self, result: UploadResult) -> Response:
        return self.accepted(result.document, status=202 if result.created else 200)


class DocumentView(DocumentApiView):
    @extend_schema(operation_id="get_document", responses=DocumentOutput)
    def get(self, request: Request, document_id: UUID) -> Response:
        """One document, and how far its ingestion is."""
        document = get_document(user=user_of(request), document_id=document_id)
        return Response(DocumentOutput(document).data)

    @extend_schema(operation_id="delete_document", responses={204: None})
    def delete(self, request: Request, document_id: UUID) -> Response:
        """Deletes a document and all that was made of it; needs the role editor."""
        delete_document(user=user_of(request), document_id=document_id)
        return Response(status=204)


class RetryFailedView(DocumentApiView):
    @extend_schema(
        operation_id="retry_failed_documents", request=None, responses={202: ChangedOutput}
    )
    def post(self, request: Request, brain_id: UUID) -> Response:
        """Goes on with all documents of a brain that have failed; needs the role editor.

        Where `has_more` is true the time was up before all were done: call again.
        """
        changed = retry_failed_documents(user=user_of(request), brain_id=brain_id)
        return Response(ChangedOutput(changed).data, status=202)


class DocumentRetryView(DocumentApiView):
    @extend_schema(operation_id="retry_document", request=None, responses={202: DocumentOutput})
    def post(self, request: Request, document_id: UUID) -> Response:
        """Goes on with an ingestion that failed or was cancelled; needs the role editor."""
        return self.accepted(retry_document(user=user_of(request), document_id=document_id))


class DocumentCancelView(DocumentApiView):
    @extend_schema(operation_id="cancel_document", request=None, responses={202: DocumentOutput})
    def post(self, request: Request, document_id: UUID) -> Response:
        """Ends an ingestion; what is indexed stays. Needs the role editor."""
        return self.accepted(cancel_document(user=user_of(request), document_id=document_id))


class DocumentRereadView(DocumentApiView):
    @extend_schema(
        operation_id="reread_document", request=RereadInput, responses={202: DocumentOutput}
    )
    def post(self, request: Request, document_id: UUID) -> Response:
        """Reads the file again, and searches the new text once all of it is there.

        Until then the document stays as it is. Needs the role editor.
        """
        asked = self.parsed(RereadInput)
        return self.accepted(
            reread_document(user=user_of(request), document_id=document_id, **asked)
        )


class DocumentFileView(DocumentApiView):
    @extend_schema(
        operation_id="get_file",
        parameters=[FileQuery],
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            (206, "application/octet-stream"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request, document_id: UUID) -> HttpResponseBase:
        """The file as it was uploaded; one part of it where the header Range asks for that."""
        inline = self.asked(FileQuery)["inline"]
        document = get_document(user=user_of(request), document_id=document_id)
        return file_response(self.http, document, inline=inline)


class PagesView(DocumentApiView):
    @extend_schema(operation_id="list_pages", responses=PageSummaryOutput(many=True))
    def get(self, request: Request, document_id: UUID) -> Response:
        """The pages that have been read so far."""
        pages = readable_pages(user=user_of(request), document_id=document_id)
        return self.page(pages, PageSummaryOutput)


class PageView(DocumentApiView):
    @extend_schema(operation_id="get_page", responses=PageOutput)
    def get(self, request: Request, document_id: UUID, number: int) -> Response:
        """One page with its text and where each word stands."""
        page = get_page(user=user_of(request), document_id=document_id, number=number)
        return Response(PageOutput(page).data)
