"""What no event repaired: the scheduler looks for it."""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from chatbot.documents.models import (
    UNFINISHED_STATES,
    Document,
    DocumentVersion,
    IngestionJob,
    JobState,
)
from chatbot.documents.services.ingestion.faults import fail_exhausted, requeue_expired
from chatbot.documents.services.ingestion.progress import advance

_SETTLE_SECONDS: Final = 5
_VERSIONS_AT_ONCE: Final = 50
SUPERSEDED_AT_ONCE: Final = 10


def reconcile() -> int:
    """Takes up the work of dead workers. Returns how many jobs and versions it touched."""
    return requeue_expired() + fail_exhausted()


def repair_versions() -> int:
    """Goes on with versions that are unfinished and yet have nothing to do. Returns how many."""
    repaired = 0
    for version_id in list(_stuck().values_list("pk", flat=True)[:_VERSIONS_AT_ONCE]):
        with transaction.atomic():
            version = (
                _stuck()
                .select_for_update(no_key=True, skip_locked=True, of=("self",))
                .select_related("document")
                .filter(pk=version_id)
                .first()
            )
            if version is not None:
                advance(version)
                repaired += 1
    return repaired


def remove_superseded() -> int:
    """Removes versions that are neither searched nor on their way, and all made of them.

    Returns how many; `SUPERSEDED_AT_ONCE` means that there may be more.
    """
    removed = 0
    for version_id in list(_superseded().values_list("pk", flat=True)[:SUPERSEDED_AT_ONCE]):
        with transaction.atomic():
            locked = _superseded().select_for_update(skip_locked=True, of=("self",))
            version = locked.filter(pk=version_id).first()
            if version is not None:
                list(IngestionJob.objects.select_for_update().filter(version=version).only("pk"))
                version.delete()
                removed += 1
    return removed


def _superseded() -> QuerySet[DocumentVersion]:
    needed = Document.objects.filter(
        Q(current_version=OuterRef("pk")) | Q(next_version=OuterRef("pk"))
    )
    # A version is made before its document names it: the newest ones are left alone.
    return DocumentVersion.objects.filter(
        ~Exists(needed), created_at__lt=Now() - timedelta(seconds=_SETTLE_SECONDS)
    )


def _stuck() -> QuerySet[DocumentVersion]:
    open_jobs = IngestionJob.objects.filter(
        version=OuterRef("pk"), state__in=(JobState.QUEUED, JobState.RUNNING)
    )
    return DocumentVersion.objects.filter(
        ~Exists(open_jobs),
        state__in=UNFINISHED_STATES,
        created_at__lt=Now() - timedelta(seconds=_SETTLE_SECONDS),
    )
