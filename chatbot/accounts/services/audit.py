"""One line in the log for everything that concerns who may do what.

Lines carry ids, never secrets; an e-mail address only where there is no id, and then masked.
"""

import logging
from typing import Final
from uuid import UUID

logger: Final = logging.getLogger("chatbot.audit")


def record(event: str, *, user_id: UUID | None = None, **details: object) -> None:
    """Writes `event user=… key=value …`."""
    parts = [f"{key}={value}" for key, value in details.items()]
    logger.info(" ".join([event, f"user={user_id or '-'}", *parts]))


def masked(email: str) -> str:
    """`somebody@example.com` as `s***@e***`: enough to recognise one's own."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}***@{domain[:1]}***"
