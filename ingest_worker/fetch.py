"""The stage that gets a file from the address that somebody gave."""

import tempfile
from typing import IO, Final

from django.conf import settings
from django.core.files.base import File
from django.db import connection

from chatbot.contracts.errors import DOCUMENT_FAULTS, AppError, DocumentFault, UnsupportedType
from chatbot.documents.services import files, ingestion
from chatbot.documents.services.content import media_type_of
from chatbot.documents.services.names import display_name
from chatbot.outbound.errors import UrlFailed, UrlRefused, UrlTooLarge
from chatbot.outbound.fetching import Fetched, Limits, fetch_file

_FINAL: Final = (UrlRefused, UrlFailed, UrlTooLarge, UnsupportedType)
"""What trying again doesn't help against."""


def fetch_document(lease: ingestion.Lease) -> None:
    """Fetches, looks at what came, stores it, and plans its opening."""
    claim = lease.claim
    with files.writing_to_disk(), tempfile.TemporaryFile() as file:
        try:
            fetched = _fetch(lease, file)
            title = display_name(fetched.name)
            media_type = media_type_of(file, name=title)
        except _FINAL as error:
            raise _fault(error.error_code, error) from error
        # A name of this claim's own: an earlier one may have died after it had stored the file.
        name = files.storage_name(sha256=fetched.sha256, version_id=claim.token)
        files.store_file(name=name, file=File(file, name=name))
    lease.check()
    stored = ingestion.FetchedFile(
        storage_name=name,
        sha256=fetched.sha256,
        size_bytes=fetched.size_bytes,
        media_type=media_type,
        title=title,
    )
    try:
        ingestion.finish_fetch(claim, file=stored)
    except (DocumentFault, files.StorageAway, ingestion.LeaseLost):
        files.remove_files(names=[name])
        raise


def _fetch(lease: ingestion.Lease, file: IO[bytes]) -> Fetched:
    # The server may take minutes: none of PostgreSQL's connections is held meanwhile.
    connection.close()
    limits = Limits(max_bytes=settings.UPLOAD_LIMIT_BYTES)
    fetched = fetch_file(lease.claim.source_url, to=file, limits=limits, check=lease.check)
    file.flush()
    if not fetched.size_bytes:
        raise _fault("file-empty")
    return fetched


def _fault(code: str, error: AppError | None = None) -> DocumentFault:
    detail = error.sentence if error else ""
    return DocumentFault(DOCUMENT_FAULTS[code], code=code, detail=detail)
