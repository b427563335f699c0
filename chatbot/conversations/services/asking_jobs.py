"""Questions as jobs: one request begins a conversation, asks, and may wait for the answer."""

import time
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import transaction

from chatbot.contracts.errors import InvalidInput
from chatbot.conversations.models import TERMINAL_TURN_STATES, Turn
from chatbot.conversations.services.conversations import create_conversation
from chatbot.conversations.services.turns import Asked, ask

if TYPE_CHECKING:
    from chatbot.accounts.models import User

MAX_WAIT_SECONDS: Final = 60
MAX_WAITING: Final = 4
"""Requests of a process that wait at once: the others, and all pages, need its threads."""
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 0.5

_waiting = BoundedSemaphore(MAX_WAITING)


@transaction.atomic
def ask_job(
    *,
    user: "User",
    text: str,
    conversation_id: UUID | None = None,
    brain_id: UUID | None = None,
    model_id: UUID | None = None,
    client_id: str | None = None,
) -> Asked:
    """Asks in a conversation, or in a new one about the brain and with the model.

    Raises:
        NotFound: no such conversation or brain, or somebody else's.
        InvalidInput: a brain or a model is named beside a conversation, which has both.
        AppError: as `create_conversation` and `ask`.
    """
    if conversation_id is None:
        made = create_conversation(user=user, brain_id=brain_id, model_id=model_id)
        conversation_id = made.pk
    elif brain_id or model_id:
        raise InvalidInput(
            "The conversation has its brain and its model.",
            way_out="Name the conversation, or brain and model of a new one.",
            fields={"conversation": ["Not together with brain or model."]},
        )
    return ask(user=user, conversation_id=conversation_id, text=text, client_id=client_id)


def wait_for_answer(*, turn_id: UUID, seconds: float) -> bool:
    """Whether the turn ended within so many seconds; at once where too many wait already."""
    if seconds <= 0 or not _waiting.acquire(blocking=False):
        return False
    try:
        return _has_ended_by(time.monotonic() + min(seconds, MAX_WAIT_SECONDS), turn_id)
    finally:
        _waiting.release()


def _has_ended_by(deadline: float, turn_id: UUID) -> bool:
    ended = Turn.objects.filter(pk=turn_id, state__in=TERMINAL_TURN_STATES)
    pause = _FIRST_PAUSE_SECONDS
    while not ended.exists():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(1.3 * pause, _LONGEST_PAUSE_SECONDS)
    return True
