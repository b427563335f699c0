"""Uploads that can be resumed, by tus 1.0. Bodies are read piece by piece, never by a parser."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chatbot.accounts.api.authentication import user_of
from chatbot.accounts.models import Scope
from chatbot.api.views import ApiView
from chatbot.uploads.api import headers
from chatbot.uploads.api.idempotency import PARAMETER as IDEMPOTENCY_KEY
from chatbot.uploads.api.idempotency import Store, answer_once
from chatbot.uploads.api.serializers import UploadOutput
from chatbot.uploads.models import Upload, UploadState
from chatbot.uploads.selectors import get_upload
from chatbot.uploads.services.finishing import delete_upload, finish_upload, settle_upload
from chatbot.uploads.services.receiving import NewUpload, create_upload, receive, too_long

_OVERRIDING = {"PATCH", "DELETE"}


def _header(name: str, description: str, *, required: bool = True) -> OpenApiParameter:
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, required=required, description=description
    )


TUS = _header("Tus-Resumable", "`1.0.0`")
BODY = {headers.BODY_TYPE: OpenApiTypes.BINARY}


class TusView(ApiView):
    read_scopes = frozenset({Scope.BRAINS_READ, Scope.BRAINS_WRITE})
    write_scopes = frozenset({Scope.BRAINS_WRITE})

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401 - passed on
        """Some networks let only GET and POST through."""
        instead = request.headers.get("X-HTTP-Method-Override", "").upper()
        if request.method == "POST" and instead in _OVERRIDING:
            request.method = instead
        return super().dispatch(request, *args, **kwargs)

    def get_permissions(self) -> Any:  # noqa: ANN401 - the signature is DRF's
        """What the server can do, it tells everybody."""
        return [] if self.request.method == "OPTIONS" else super().get_permissions()

    def options(self, *_: Any, **__: Any) -> Response:  # noqa: ANN401 - the signature is Django's
        return Response(status=204, headers=headers.abilities())

    def finalize_response(
        self,
        request: Request,
        response: Response,
        *args: Any,  # noqa: ANN401 - passed on
        **kwargs: Any,  # noqa: ANN401 - as above
    ) -> Response:
        response["Tus-Resumable"] = headers.VERSION
        if response.status_code == 412:  # noqa: PLR2004 - Precondition Failed
            response["Tus-Version"] = headers.VERSION
        return super().finalize_response(request, response, *args, **kwargs)

    def receive(self, upload: Upload, offset: int) -> Upload:
        """Takes the body in, and makes the document of an upload that is whole then."""
        length = headers.body_length(self.http)
        if offset + length > upload.length:
            raise too_long()
        upload = receive(
            user=user_of(self.request),
            upload_id=upload.pk,
            offset=offset,
            pieces=headers.pieces(self.http) if length else (),
            checksum=headers.checksum(self.request),
        )
        if upload.state == UploadState.COMPLETE:
            upload = finish_upload(user=user_of(self.request), upload_id=upload.pk)
        return upload


class UploadsView(TusView):
    @extend_schema(
        operation_id="create_upload",
        parameters=[
            TUS,
            IDEMPOTENCY_KEY,
            _header("Upload-Length", "Of the whole file, in bytes."),
            _header(
                "Upload-Metadata",
                "`brain`, and if wanted `filename`, `title`, `batch` and `ref`; values in Base64.",
            ),
        ],
        request=BODY,
        responses={201: OpenApiResponse(UploadOutput, "`Location` is where the bytes go.")},
    )
    def post(self, request: Request) -> Response:
        """Begins an upload that can be resumed (tus 1.0); needs the role editor in the brain.

        The body may hold the first bytes.
        """
        headers.require_version(request)
        length = headers.number(request, "Upload-Length")
        told = headers.metadata(request)
        body_length = headers.body_length(self.http)
        new = NewUpload(
            brain_id=told["brain"],
            length=length,
            filename=told["filename"],
            title=told["title"],
            batch_id=told.get("batch"),
            ref=told.get("ref", ""),
        )
        made: list[Upload] = []

        def make(store: Store) -> Response:
            made.append(
                create_upload(
                    user=user_of(request),
                    new=new,
                    also=lambda upload: store(self._created(upload)),
                )
            )
            return self._created(made[0])

        response = answer_once(request, make, repr(new))
        if body_length:
            # A call that is made again hears what became of its bytes the first time.
            upload = (
                self.receive(made[0], 0)
                if made
                else get_upload(user=user_of(request), upload_id=UUID(response.data["id"]))
            )
            for name, value in headers.position(upload).items():
                response[name] = value
        return response

    def _created(self, upload: Upload) -> Response:
        location = reverse("upload", kwargs={"upload_id": upload.pk})
        return Response(
            UploadOutput(upload).data,
            status=201,
            headers={"Location": location, **headers.expiry(upload)},
        )


class UploadView(TusView):
    @extend_schema(operation_id="get_upload", responses=UploadOutput)
    def get(self, request: Request, upload_id: UUID) -> Response:
        """How far an upload is, and its document or what went wrong; the caller's own alone."""
        upload = get_upload(user=user_of(request), upload_id=upload_id)
        return Response(UploadOutput(upload).data)

    def head(self, request: Request, upload_id: UUID) -> Response:
        """As tus describes it; an upload whose document couldn't be made yet is finished first."""
        headers.require_version(request)
        upload = settle_upload(user=user_of(request), upload_id=upload_id)
        found = {"Upload-Length": str(upload.length), "Cache-Control": "no-store"}
        return Response(headers={**headers.position(upload), **found})

    @extend_schema(
        operation_id="send_upload",
        parameters=[
            TUS,
            _header("Upload-Offset", "Where these bytes begin."),
            _header("Upload-Checksum", "`sha1` or `sha256`, and its Base64.", required=False),
        ],
        request=BODY,
        responses={204: OpenApiResponse(description="`Upload-Offset`, `Upload-Document`.")},
    )
    def patch(self, request: Request, upload_id: UUID) -> Response:
        """Adds bytes to an upload (tus 1.0); the last ones make the document.

        Its address is in the header Upload-Document then.
        """
        headers.require_version(request)
        offset = headers.number(request, "Upload-Offset")
        upload = get_upload(user=user_of(request), upload_id=upload_id)
        return Response(status=204, headers=headers.position(self.receive(upload, offset)))

    @extend_schema(operation_id="delete_upload", parameters=[TUS], responses={204: None})
    def delete(self, request: Request, upload_id: UUID) -> Response:
        """Forgets an upload and its bytes (tus 1.0); the document that was made of it stays."""
        headers.require_version(request)
        delete_upload(user=user_of(request), upload_id=upload_id)
        return Response(status=204)


class UploadFinishView(TusView):
    @extend_schema(operation_id="finish_upload", request=None, responses=UploadOutput)
    def post(self, request: Request, upload_id: UUID) -> Response:
        """Makes the document of an upload whose bytes are all there, where that failed before."""
        upload = finish_upload(user=user_of(request), upload_id=upload_id)
        return Response(UploadOutput(upload).data, headers=headers.position(upload))
