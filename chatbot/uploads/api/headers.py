"""The headers of tus 1.0, in and out: https://tus.io/protocols/resumable-upload."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, UnreadablePostError
from django.utils.http import http_date
from rest_framework.request import Request

from chatbot.contracts.errors import InvalidInput, PreconditionFailed, UnsupportedType
from chatbot.uploads.api.serializers import MetadataInput, address_of_document
from chatbot.uploads.models import Upload
from chatbot.uploads.services.receiving import CHECKSUMS, Checksum

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,expiration,checksum,termination"
BODY_TYPE: Final = "application/offset+octet-stream"
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_PIECE_BYTES: Final = 256 * 1024
_METADATA_CHARACTERS: Final = 8 * 1024


def abilities() -> dict[str, str]:
    """What OPTIONS tells."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(settings.UPLOAD_LIMIT_BYTES),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
    }


def position(upload: Upload) -> dict[str, str]:
    """How far an upload is, and what has become of it."""
    found = {"Upload-Offset": str(upload.offset), **expiry(upload)}
    if upload.document_id:
        found["Upload-Document"] = address_of_document(upload)
    return found


def expiry(upload: Upload) -> dict[str, str]:
    return {"Upload-Expires": http_date(upload.expires_at.timestamp())}


def require_version(request: Request) -> None:
    """Raises PreconditionFailed."""
    if request.headers.get("Tus-Resumable") != VERSION:
        raise PreconditionFailed(
            f"This address speaks tus {VERSION}.",
            code="tus-version-unsupported",
            way_out=f"Send the header Tus-Resumable: {VERSION}.",
        )


def number(request: Request, name: str) -> int:
    """A header that is a number of bytes; raises InvalidInput."""
    value = request.headers.get(name, "")
    if not _NUMBER.fullmatch(value):
        raise InvalidInput(
            f"The header {name} must be a number of bytes.",
            code="header-malformed",
            way_out=f"Send {name} as tus 1.0 describes it.",
        )
    return int(value)


def metadata(request: Request) -> dict[str, Any]:
    """The checked Upload-Metadata; raises InvalidInput or DRF's ValidationError."""
    header = request.headers.get("Upload-Metadata", "")
    if len(header) > _METADATA_CHARACTERS:
        raise _malformed("Upload-Metadata")
    pairs = (pair.strip().partition(" ") for pair in header.split(",") if pair.strip())
    told = {key: _decoded(value.strip()) for key, _, value in pairs}
    serializer = MetadataInput(data=told)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def checksum(request: Request) -> Checksum | None:
    """The checked Upload-Checksum; raises InvalidInput."""
    header = request.headers.get("Upload-Checksum")
    if header is None:
        return None
    algorithm, _, digest = header.partition(" ")
    if algorithm not in CHECKSUMS:
        raise InvalidInput(
            "This checksum isn't known.",
            code="checksum-unsupported",
            way_out=f"Use one of {', '.join(CHECKSUMS)}.",
        )
    return Checksum(algorithm, _bytes(digest, "Upload-Checksum"))


def body_length(http: HttpRequest) -> int:
    """The announced length of a body of bytes; 0: there is none.

    Raises:
        InvalidInput: `length-required`.
        UnsupportedType: the body is something else.
    """
    if "chunked" in http.headers.get("Transfer-Encoding", "").lower():
        raise InvalidInput(
            "The length of the upload must be known.",
            code="length-required",
            way_out="Send the header Content-Length.",
        )
    told = http.headers.get("Content-Length") or "0"
    length = int(told) if _NUMBER.fullmatch(told) else 0
    if length and http.content_type != BODY_TYPE:
        raise UnsupportedType(
            "This address takes bytes of a file.",
            code="media-type-unsupported",
            way_out=f"Send the header Content-Type: {BODY_TYPE}.",
        )
    return length


def pieces(http: HttpRequest) -> Iterator[bytes]:
    """The body as it comes, until it ends or its sender is gone."""
    while True:
        try:
            piece = http.read(_PIECE_BYTES)
        except UnreadablePostError:
            return
        if not piece:
            return
        yield piece


def _decoded(value: str) -> str:
    try:
        return _bytes(value, "Upload-Metadata").decode()
    except UnicodeDecodeError as error:
        raise _malformed("Upload-Metadata") from error


def _bytes(value: str, name: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed(name) from error


def _malformed(name: str) -> InvalidInput:
    return InvalidInput(
        f"The header {name} is malformed.",
        code="header-malformed",
        way_out=f"Send {name} as tus 1.0 describes it, values in Base64.",
    )
