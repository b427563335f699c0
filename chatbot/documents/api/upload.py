"""How a file arrives: straight to disk, hashed on the way, and no further than the limit."""

import contextlib
import hashlib
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from rest_framework.parsers import MultiPartParser

from chatbot.contracts.errors import InvalidInput, TooLarge
from chatbot.documents.services.files import writing_to_disk
from chatbot.documents.services.names import display_name

if TYPE_CHECKING:
    from rest_framework.parsers import DataAndFiles

FORM_BYTES: Final = 1024 * 1024
"""What a multipart body may hold beside the file."""
LEFTOVER_SECONDS: Final = 24 * 3600
"""An upload that is older belongs to a process that was killed."""
_MEGABYTE: Final = 1024 * 1024


class HashedFile(TemporaryUploadedFile):
    """A file on disk whose SHA-256 is known; it is removed when it is closed."""

    sha256 = ""


class HashingUploadHandler(FileUploadHandler):
    """Writes each piece to disk and into the hash; memory does not grow with the file."""

    file: HashedFile | None = None

    def handle_raw_input(
        self,
        input_data: Any,  # noqa: ANN401, ARG002 - the signature is Django's
        META: Mapping[str, Any],  # noqa: N803
        content_length: int,
        boundary: str,  # noqa: ARG002
        encoding: str | None = None,  # noqa: ARG002
    ) -> None:
        """Refuses by the header what is too large by its own account."""
        if content_length > settings.UPLOAD_LIMIT_BYTES + FORM_BYTES:
            raise _too_large()
        if "chunked" in str(META.get("HTTP_TRANSFER_ENCODING", "")).lower():
            raise InvalidInput(
                "The length of the upload must be known.",
                code="length-required",
                way_out="Send the header Content-Length.",
            )

    def new_file(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on
        super().new_file(*args, **kwargs)
        self._hash = hashlib.sha256()
        self._size = 0
        with writing_to_disk():
            _upload_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
            _remove_leftovers()
            self.file = HashedFile(
                display_name(self.file_name or ""),
                self.content_type or "",
                0,
                self.charset,
                self.content_type_extra,
            )

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:  # noqa: ARG002 - Django's
        self._size += len(raw_data)
        if self._size > settings.UPLOAD_LIMIT_BYTES:
            raise _too_large()
        self._hash.update(raw_data)
        with writing_to_disk():
            self._open_file.write(raw_data)

    def file_complete(self, file_size: int) -> HashedFile:
        file = self._open_file
        with writing_to_disk():
            file.seek(0)
        file.size = file_size
        file.sha256 = self._hash.hexdigest()
        self.file = None
        return file

    def upload_interrupted(self) -> None:
        """Removes the file that was being written."""
        if self.file is not None:
            # On a full disk what is still in memory can't be written when it is closed, either.
            with contextlib.suppress(OSError):
                self.file.close()
            self.file = None

    @property
    def _open_file(self) -> HashedFile:
        if self.file is None:
            raise RuntimeError("no file is being received")
        return self.file


class UploadParser(MultiPartParser):
    """multipart/form-data whose unfinished files go, however the parsing ends."""

    def parse(
        self,
        stream: Any,  # noqa: ANN401 - the signature is DRF's
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> "DataAndFiles[Any, Any]":
        try:
            return super().parse(stream, media_type, parser_context)
        except BaseException:
            for handler in (parser_context or {})["request"].upload_handlers:
                handler.upload_interrupted()
            raise


def _too_large() -> TooLarge:
    limit = settings.UPLOAD_LIMIT_BYTES // _MEGABYTE
    return TooLarge(
        f"The file is larger than {limit} MB.", way_out="Split it and upload the parts."
    )


def _upload_folder() -> Path:
    return Path(settings.FILE_UPLOAD_TEMP_DIR)


@cache
def _remove_leftovers() -> None:
    """Once in a process: removes what killed processes left."""
    for leftover in _upload_folder().glob("*.upload*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - leftover.stat().st_mtime > LEFTOVER_SECONDS:
                leftover.unlink()
