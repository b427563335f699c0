"""How many documents somebody may have waiting, and how many of them to be fetched."""

from typing import Final

from django.conf import settings
from django.db.models import Count, Q

from chatbot.accounts.models import User
from chatbot.contracts.errors import LimitReached
from chatbot.documents.models import UNFINISHED_STATES, DocumentVersion

_COME_BACK_SECONDS: Final = 60


def require_room(*, user: User) -> None:
    """Asked before a file is taken in; several at once may pass together.

    Raises:
        LimitReached: `documents-unfinished`; so many of the user's documents are unfinished.
    """
    limit: int = settings.UNFINISHED_DOCUMENTS_LIMIT
    unfinished = DocumentVersion.objects.filter(
        state__in=UNFINISHED_STATES, document__created_by=user
    ).order_by()
    if unfinished[limit - 1 : limit].exists():
        raise LimitReached(
            f"{limit} of your documents are still being read.",
            code="documents-unfinished",
            way_out="Wait until some of them are ready, or cancel them.",
            retry_after_seconds=_COME_BACK_SECONDS,
        )


def room_for_fetches(*, user: User) -> int:
    """How many addresses more somebody may give now; in the transaction that takes them in."""
    # One at a time: many that come at once must not pass together.
    User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
    unfinished = DocumentVersion.objects.filter(
        state__in=UNFINISHED_STATES, document__created_by=user
    ).aggregate(documents=Count("pk"), fetches=Count("pk", filter=Q(storage_name="")))
    room: int = min(
        settings.UNFINISHED_DOCUMENTS_LIMIT - unfinished["documents"],
        settings.UNFINISHED_FETCHES_LIMIT - unfinished["fetches"],
    )
    return max(0, room)


def no_room_for_fetches() -> LimitReached:
    """What is said of an address for which there is no room."""
    return LimitReached(
        "Too many of the addresses that you gave are still being fetched.",
        code="fetches-unfinished",
        way_out="Wait until some of them are there, or cancel them; then give this one again.",
        retry_after_seconds=_COME_BACK_SECONDS,
    )
