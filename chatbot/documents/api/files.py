"""How a stored file goes out: as it was, in parts where that is asked for, and run by no browser.

Parts (RFC 9110, section 14) let a viewer show one page of a large PDF without fetching all of it.
"""

import mimetypes
import re
from http import HTTPStatus
from pathlib import PurePath
from typing import IO, Final, NamedTuple

from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from chatbot.contracts import media_types
from chatbot.contracts.errors import Conflict
from chatbot.documents.models import Document, DocumentVersion
from chatbot.documents.services.files import open_stored

SHOWN_INLINE: Final = frozenset({media_types.PDF, *media_types.IMAGES})
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
"""A place of more digits is in no file."""


class Part(NamedTuple):
    """Bytes `first` up to and including `last`."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


class PartOfFile:
    """As much of an open file as the part says; it closes the file when it is closed."""

    def __init__(self, file: IO[bytes], part: Part) -> None:
        self._file = file
        self._left = part.length
        file.seek(part.first)

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        piece = self._file.read(wanted) if wanted else b""
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        self._file.close()


def file_response(request: HttpRequest, document: Document, *, inline: bool) -> HttpResponseBase:
    """The file of a document's current version.

    Raises:
        DocumentFault: it is gone.
        Conflict: `file-not-there`, before it has been fetched.
        StorageAway: the storage does not answer.
    """
    version = document.current_version
    if version is None:
        raise RuntimeError("a stored document has a version")
    if not version.storage_name:
        raise Conflict(
            "The file of the document has not been fetched yet.",
            code="file-not-there",
            way_out="Wait until the document is being read.",
        )
    etag = f'"{document.sha256}"'
    is_shown = inline and version.media_type in SHOWN_INLINE
    response: HttpResponseBase = get_conditional_response(request, etag=etag) or _content(
        version,
        asked_part(request, size=version.size_bytes, etag=etag),
        name=file_name(document.title, version.media_type),
        is_shown=is_shown,
    )
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'; frame-ancestors 'self'"
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _content(
    version: DocumentVersion, part: Part, *, name: str, is_shown: bool
) -> HttpResponseBase:
    is_whole = part.length == version.size_bytes
    response = FileResponse(
        PartOfFile(open_stored(name=version.storage_name), part),
        as_attachment=not is_shown,
        filename=name,
        content_type=version.media_type,
        status=HTTPStatus.OK if is_whole else HTTPStatus.PARTIAL_CONTENT,
    )
    response["Content-Length"] = str(part.length)
    if not is_whole:
        response["Content-Range"] = f"bytes {part.first}-{part.last}/{version.size_bytes}"
    return response


def asked_part(request: HttpRequest, *, size: int, etag: str) -> Part:
    """The one part that is asked for; the whole file for everything else, as the RFC allows."""
    whole = Part(0, size - 1)
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    if found is None or request.headers.get("If-Range", etag) != etag:
        return whole
    first, last = found.groups()
    if first:
        part = Part(int(first), min(int(last or size), size - 1))
    else:
        part = Part(max(0, size - int(last or 0)), size - 1)
    return part if 0 <= part.first <= part.last else whole


def file_name(title: str, media_type: str) -> str:
    """A title may lack the ending by which a desktop knows what to open a file with."""
    endings = media_types.EXTENSIONS.get(media_type, ())
    if not endings or PurePath(title).suffix.lower() in endings:
        return title
    return f"{title}{mimetypes.guess_extension(media_type) or endings[0]}"
