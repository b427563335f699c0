"""News of a brain, for as long as somebody is a member of it."""

import time
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final
from uuid import UUID

from chat_service.database import in_database
from chat_service.replica import Replica
from chatbot.brains.selectors import get_brain

if TYPE_CHECKING:
    from chatbot.accounts.models import User

RECHECK_SECONDS: Final = 3.0
"""How long news of a brain come without a look whether the person is still a member."""


async def changes_of(
    replica: Replica, *, user: "User", brain_id: UUID, notice: bytes = b""
) -> AsyncGenerator[bytes, None]:
    """`document.changed` events, and `notice` as `News.watch` has it. Never ends by itself.

    The caller has checked that the person is a member just now.

    Raises:
        NotFound: the person is no member any more, or the brain has gone.
    """
    watcher = await replica.news.watch(brain_id, notice=notice)
    checked_at = time.monotonic()
    try:
        while True:
            change = await watcher.get()
            if time.monotonic() - checked_at > RECHECK_SECONDS:
                await in_database(get_brain, user=user, brain_id=brain_id)
                checked_at = time.monotonic()
            yield change
    finally:
        await replica.news.unwatch(brain_id, watcher)
