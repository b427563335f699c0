"""Documents at any point of their ingestion."""

import hashlib
import itertools
import uuid
from collections.abc import Sequence

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.utils import timezone

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import (
    TERMINAL_STATES,
    Document,
    DocumentVersion,
    IngestionJob,
    Page,
    VersionState,
)
from chatbot.documents.services import Also, UploadResult, files, ingestion, upload_document

_numbers = itertools.count(1)


def make_file(content: bytes = b"Some text.", *, name: str = "note.txt") -> TemporaryUploadedFile:
    """An upload as it stands after it has arrived: on disk, read from the beginning."""
    file = TemporaryUploadedFile(name, "application/octet-stream", len(content), None)
    file.write(content)
    file.seek(0)
    return file


def upload(
    user: User,
    brain: Brain,
    content: bytes = b"",
    *,
    name: str = "note.txt",
    title: str = "",
    also: Also | None = None,
) -> UploadResult:
    """Uploads by the service; without content it is a text that no other upload has."""
    content = content or f"Note {next(_numbers)}".encode()
    with make_file(content, name=name) as file:
        return upload_document(
            user=user,
            brain_id=brain.pk,
            file=file,
            title=title,
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            also=also,
        )


def make_document(
    brain: Brain,
    *,
    title: str = "",
    state: VersionState = VersionState.RECEIVED,
    pages: Sequence[str] = (),
    created_by: User | None = None,
) -> Document:
    """A document with rows only: no file, no jobs; its pages are indexed where it is ready."""
    number = next(_numbers)
    document = Document.objects.create(
        brain=brain,
        title=title or f"Document {number}",
        sha256=f"{number:064x}",
        created_by=created_by or brain.created_by,
    )
    is_ready = state == VersionState.READY
    version = DocumentVersion.objects.create(
        document=document,
        storage_name=f"documents/{uuid.uuid4()}",
        size_bytes=1000,
        media_type="application/pdf",
        state=state,
        pages_total=len(pages) if pages else None,
        pages_done=len(pages) if is_ready else 0,
        finished_at=timezone.now() if state in TERMINAL_STATES else None,
    )
    document.current_version = version
    document.save(update_fields=["current_version"])
    now = timezone.now()
    Page.objects.bulk_create(
        [
            Page(
                version=version,
                number=number,
                text=text,
                read_at=now,
                indexed_at=now if is_ready else None,
            )
            for number, text in enumerate(pages, start=1)
        ]
    )
    return document


def version_of(document: Document) -> DocumentVersion:
    """The current version, as the database has it."""
    current = Document.objects.filter(pk=document.pk).values("current_version")
    return DocumentVersion.objects.select_related("document").get(pk__in=current)


def make_job(
    document: Document,
    *,
    stage: Stage = Stage.OPEN,
    pages: tuple[int, int] = (0, 0),
    is_long: bool = False,
) -> IngestionJob:
    return IngestionJob.objects.create(
        version=version_of(document),
        stage=stage,
        page_from=pages[0],
        page_to=pages[1],
        is_long=is_long,
    )


def claim(job: IngestionJob, *, worker: str = "worker") -> ingestion.Claim:
    """The claim of a job that can be claimed."""
    claimed = ingestion.claim_job(job_id=job.pk, worker=worker)
    assert claimed is not None
    return claimed


def store_content(document: Document, content: bytes) -> None:
    """Gives a document of `make_document` a file."""
    name = version_of(document).storage_name
    files.store_file(name=name, file=ContentFile(content))
    files.link_file(name=name)
