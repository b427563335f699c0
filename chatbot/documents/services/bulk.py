"""What is done with thousands of documents at once: in short transactions, and not for ever."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from chatbot.brains.models import BrainRole
from chatbot.brains.selectors import get_brain
from chatbot.documents.models import (
    UNFINISHED_STATES,
    Document,
    DocumentVersion,
    VersionState,
)
from chatbot.documents.services.lifecycle import cancel, revive_all

if TYPE_CHECKING:
    from chatbot.accounts.models import User

AT_ONCE: Final = 200
"""Documents in one transaction."""
CALL_SECONDS: Final = 15.0
"""A call ends after this long; the next one goes on."""
_HELD_SECONDS: Final = 0.05
"""Between two looks at what others hold."""


@dataclass(frozen=True, slots=True)
class Changed:
    count: int
    has_more: bool
    """The time was up before all were done: call again."""


def retry_failed_documents(*, user: "User", brain_id: UUID) -> Changed:
    """Goes on with all documents of a brain that have failed.

    Raises:
        NotFound, NotAllowed: the brain, for an editor.
    """
    brain = get_brain(user=user, brain_id=brain_id, role=BrainRole.EDITOR)
    return retry_failed(Document.objects.filter(brain=brain))


def retry_failed(documents: QuerySet[Document, Document]) -> Changed:
    """Goes on with those that have failed, whoever asks for it."""
    return _in_chunks(lambda: _retry_some(documents))


def cancel_unfinished(documents: QuerySet[Document, Document]) -> Changed:
    """Ends the ingestion of those that wait or are being read for the first time."""
    # Workers hold what they read for moments, again and again: it is passed by, and comes later.
    unfinished = _current(documents).filter(state__in=UNFINISHED_STATES)
    return _in_chunks(lambda: _cancel_some(unfinished), is_left=unfinished.exists)


def _in_chunks(do: Callable[[], int], *, is_left: Callable[[], bool] = lambda: False) -> Changed:
    end = time.monotonic() + CALL_SECONDS
    count = 0
    while (done := do()) or is_left():
        count += done
        if time.monotonic() >= end:
            return Changed(count, has_more=True)
        if not done:
            time.sleep(_HELD_SECONDS)
    return Changed(count, has_more=False)


@transaction.atomic
def _retry_some(documents: QuerySet[Document, Document]) -> int:
    versions = list(_free(_current(documents).filter(state=VersionState.FAILED))[:AT_ONCE])
    if versions:
        revive_all(versions)
    return len(versions)


@transaction.atomic
def _cancel_some(unfinished: QuerySet[DocumentVersion, DocumentVersion]) -> int:
    versions = list(_free(unfinished)[:AT_ONCE])
    for version in versions:
        cancel(version)
    return len(versions)


def _current(documents: QuerySet[Document, Document]) -> QuerySet[DocumentVersion, DocumentVersion]:
    return DocumentVersion.objects.filter(
        document__in=documents,
        document__current_version=F("pk"),
        document__next_version__isnull=True,
    )


def _free(
    versions: QuerySet[DocumentVersion, DocumentVersion],
) -> QuerySet[DocumentVersion, DocumentVersion]:
    """Those on which nobody else is working at this moment."""
    locked = versions.select_for_update(no_key=True, of=("self",), skip_locked=True)
    return locked.select_related("document__current_version").order_by("pk")
