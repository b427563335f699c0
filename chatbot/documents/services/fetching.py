"""Taking in an address: a document without a file, and the job that fetches it."""

from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import IntegrityError, transaction

from chatbot import jobs
from chatbot.brains.models import BrainRole
from chatbot.brains.selectors import get_brain
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import Document, DocumentVersion, IngestionJob
from chatbot.documents.services.names import title_of_url
from chatbot.documents.services.news import announce
from chatbot.outbound.urls import read_url

if TYPE_CHECKING:
    from chatbot.accounts.models import User

_TITLE_CHARACTERS: Final = 300


def fetch_document(*, user: "User", brain_id: UUID, url: str, title: str = "") -> Document:
    """Queues the fetching of a file, and all that follows.

    Only the form of the address is looked at here; where it leads, the worker finds out.

    Args:
        user: an editor of the brain.
        brain_id: where to.
        url: of the file; https or http.
        title: empty for what the server calls the file.

    Raises:
        NotFound, NotAllowed: the brain, for this user.
        UrlRefused: the address.
    """
    get_brain(user=user, brain_id=brain_id, role=BrainRole.EDITOR)
    title = (title or title_of_url(read_url(url)))[:_TITLE_CHARACTERS]
    document = Document(brain_id=brain_id, title=title, source_url=url.strip(), created_by=user)
    try:
        _insert(document)
    except IntegrityError:
        # The brain has gone meanwhile, which is what this says.
        get_brain(user=user, brain_id=brain_id, role=BrainRole.EDITOR)
        raise
    return document


@transaction.atomic
def _insert(document: Document) -> None:
    document.save(force_insert=True)
    version = DocumentVersion.objects.create(document=document)
    document.current_version = version
    document.save(update_fields=["current_version"])
    # A slow server may take minutes: short documents keep a slot of their own.
    IngestionJob.objects.create(version=version, stage=Stage.FETCH, is_long=True)
    announce(version)
    jobs.wake_scheduler()
