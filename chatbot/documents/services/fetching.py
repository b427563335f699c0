"""Taking in addresses: documents without a file, and the jobs that fetch them."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import IntegrityError, transaction

from chatbot import jobs
from chatbot.brains.models import BrainRole
from chatbot.brains.selectors import get_brain
from chatbot.contracts.tasks import Stage
from chatbot.documents.models import Document, DocumentVersion, IngestionJob
from chatbot.documents.services.limits import no_room_for_fetches, require_room, room_for_fetches
from chatbot.documents.services.names import title_of_url
from chatbot.documents.services.news import announce
from chatbot.outbound.urls import read_url, without_fragment

if TYPE_CHECKING:
    from chatbot.accounts.models import User

_TITLE_CHARACTERS: Final = 300
_ROWS_AT_ONCE: Final = 2000


@dataclass(frozen=True, slots=True)
class Address:
    """Of a file; https or http."""

    url: str
    title: str = ""
    """Empty for what the server calls the file."""


def fetch_document(
    *,
    user: "User",
    brain_id: UUID,
    url: str,
    title: str = "",
    also: Callable[[Document], None] = lambda _: None,
) -> Document:
    """Queues the fetching of a file, and all that follows.

    Only the form of the address is looked at here; where it leads, the worker finds out.

    Args:
        user: an editor of the brain.
        brain_id: where to.
        url: of the file; https or http.
        title: empty for what the server calls the file.
        also: called with the document in the transaction that makes it; what it raises undoes that.

    Raises:
        NotFound, NotAllowed: the brain, for this user.
        UrlRefused: the address.
        LimitReached: as `require_room`, or `fetches-unfinished`.
    """
    get_brain(user=user, brain_id=brain_id, role=BrainRole.EDITOR)
    read_url(url)
    require_room(user=user)
    try:
        with transaction.atomic():
            if not room_for_fetches(user=user):
                raise no_room_for_fetches()
            [document] = plan_fetches(user=user, brain_id=brain_id, addresses=[Address(url, title)])
            also(document)
            return document
    except IntegrityError:
        # The brain has gone meanwhile, which is what this says.
        get_brain(user=user, brain_id=brain_id, role=BrainRole.EDITOR)
        raise


@transaction.atomic
def plan_fetches(*, user: "User", brain_id: UUID, addresses: Sequence[Address]) -> list[Document]:
    """The documents of addresses, in their order, and the jobs that fetch them.

    The caller knows that the user is an editor of the brain, and that there is room.

    Raises:
        UrlRefused: one of the addresses; nothing is made.
    """
    versions = [_new_version(user, brain_id, address) for address in addresses]
    documents = [version.document for version in versions]
    # A document and its version name each other; the database looks at both when this ends.
    Document.objects.bulk_create(documents, batch_size=_ROWS_AT_ONCE)
    DocumentVersion.objects.bulk_create(versions, batch_size=_ROWS_AT_ONCE)
    IngestionJob.objects.bulk_create(
        [IngestionJob(version=version, stage=Stage.FETCH, is_long=True) for version in versions],
        batch_size=_ROWS_AT_ONCE,
    )
    for version in versions:
        announce(version)
    jobs.wake_scheduler()
    return documents


def _new_version(user: "User", brain_id: UUID, address: Address) -> DocumentVersion:
    title = (address.title or title_of_url(read_url(address.url)))[:_TITLE_CHARACTERS]
    url = without_fragment(address.url)
    document = Document(brain_id=brain_id, title=title, source_url=url, created_by=user)
    document.current_version = DocumentVersion(id=uuid.uuid4(), document=document)
    return document.current_version
