"""The one door to documents, pages and jobs: a brain's members see what is in it."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery, UUIDField, Value
from django.db.models.functions import Cast, NullIf

from chatbot.brains.models import BrainRole
from chatbot.brains.selectors import get_brain, in_readable_brain, require_role, role_in_brain
from chatbot.contracts.errors import NotFound
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import Document, DocumentVersion, IngestionJob, Page

if TYPE_CHECKING:
    from chatbot.accounts.models import User


def readable_documents(
    *, user: "User", brain_id: UUID | None = None
) -> QuerySet[Document, Document]:
    """Documents of all brains that the user reads, or of one; with their current version.

    Raises:
        NotFound: there is no such brain, or the user is no member.
    """
    documents = Document.objects.select_related(
        "current_version", "next_version", "created_by"
    ).annotate(role=role_in_brain(user=user), same_as=_same_document())
    if brain_id is None:
        return documents.filter(in_readable_brain(user=user))
    return documents.filter(brain=get_brain(user=user, brain_id=brain_id))


def find_documents(
    *, user: "User", brain_id: UUID, state: str = "", search: str = ""
) -> QuerySet[Document, Document]:
    """Documents of a brain in one state, whose titles contain the words; empty: all.

    Raises:
        NotFound: there is no such brain, or the user is no member.
    """
    documents = readable_documents(user=user, brain_id=brain_id)
    if state:
        documents = documents.filter(current_version__state=state)
    return documents.filter(title__icontains=search) if search else documents


def get_document(
    *, user: "User", document_id: UUID, role: BrainRole = BrainRole.VIEWER
) -> Document:
    """A document in a brain in which the user has at least the role; with its current version.

    Raises:
        NotFound: it doesn't exist, or the user is no member of its brain.
        NotAllowed: the user's role is lower.
    """
    document = readable_documents(user=user).filter(pk=document_id).first()
    if document is None:
        raise no_such_document()
    require_role(has=getattr(document, "role", 0), needs=role)
    return document


def readable_pages(*, user: "User", document_id: UUID) -> QuerySet[Page, Page]:
    """The pages of a document's current version in order, without their text and boxes.

    Raises:
        NotFound: as `get_document`.
    """
    document = get_document(user=user, document_id=document_id)
    return (
        Page.objects.filter(version=document.current_version_id)
        .defer("text", "boxes")
        .order_by("number")
    )


def get_page(*, user: "User", document_id: UUID, number: int) -> Page:
    """A page of a document's current version.

    Raises:
        NotFound: there is no such page, or the document can't be seen.
    """
    document = get_document(user=user, document_id=document_id)
    page = Page.objects.filter(version=document.current_version_id, number=number).first()
    if page is None:
        raise NotFound("There is no such page.", way_out="Choose one of the pages of the document.")
    return page


def get_job_version(*, user: "User", version_id: UUID) -> DocumentVersion:
    """The version that an ingestion job stands for, with its document.

    Raises:
        NotFound: it doesn't exist, or the user is no member of the brain.
    """
    version = (
        DocumentVersion.objects.select_related("document")
        .filter(in_readable_brain(user=user, path="document__brain"), pk=version_id)
        .first()
    )
    if version is None:
        raise NotFound("There is no such job.", way_out="Check the address.")
    return version


def _same_document() -> Subquery:
    """The document whose file a fetched one repeats; null where it has gone since."""
    repeating = IngestionJob.objects.filter(
        version=OuterRef(OuterRef("current_version")),
        stage=Stage.FETCH,
        error_code="same-file-present",
    ).values(other=Cast(NullIf("error_detail", Value("")), UUIDField()))
    return Subquery(Document.objects.filter(pk=Subquery(repeating[:1])).values("pk"))


def no_such_document() -> NotFound:
    """What is said of a document that is gone, or somebody else's."""
    return NotFound(
        "There is no such document.",
        way_out="Check the address, or ask to be invited to its brain.",
    )
