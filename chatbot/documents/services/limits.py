"""How many documents somebody may have waiting."""

from typing import TYPE_CHECKING, Final

from django.conf import settings

from chatbot.contracts.errors import LimitReached
from chatbot.documents.models import UNFINISHED_STATES, DocumentVersion

if TYPE_CHECKING:
    from chatbot.accounts.models import User

_COME_BACK_SECONDS: Final = 60


def require_room(*, user: "User") -> None:
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
