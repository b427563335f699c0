"""Completions: questions that bring their own history and options, as OpenAI's API asks them.

Each is the only question of a conversation of its own, which lists of conversations don't show.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from chatbot.brains.selectors import get_brain
from chatbot.contracts.errors import NotFound
from chatbot.conversations.models import Conversation, Origin
from chatbot.conversations.selectors import get_completion
from chatbot.conversations.services.asking import Before, Question, lock_and_read
from chatbot.conversations.services.turns import (
    Asked,
    Claimer,
    request_stop,
    store_question,
)
from chatbot.inference.models import InferenceModel
from chatbot.inference.selectors import chat_models
from chatbot.prepared_statements import PreparedStatement
from chatbot.short_transactions import short_transaction

if TYPE_CHECKING:
    from chatbot.accounts.models import User

BRAIN_PREFIX: Final = "brain:"
OLD_AT_ONCE: Final = 500
_CLIENT_ID: Final = "completion"
_BEGIN: Final = PreparedStatement(
    """
WITH model AS (
    SELECT id FROM inference_inferencemodel
    WHERE %(brain)s::uuid IS NULL AND kind = 'chat' AND (name = %(name)s OR id = %(model)s::uuid)
    ORDER BY name LIMIT 1
), known AS (
    SELECT WHERE %(brain)s::uuid IS NOT NULL OR EXISTS (SELECT FROM model)
), begun AS (
    INSERT INTO conversations_conversation
        (id, user_id, brain_id, model_id, title, origin, created_at, updated_at)
    SELECT %(conversation)s, %(user)s, %(brain)s, (SELECT id FROM model), '', 'api',
        statement_timestamp(), statement_timestamp()
    FROM known
    ON CONFLICT DO NOTHING
)
SELECT EXISTS (SELECT FROM known)
""",
    types={
        "conversation": "uuid",
        "user": "uuid",
        "brain": "uuid",
        "name": "text",
        "model": "uuid",
    },
)
"""Begins the conversation, if it isn't there yet; answers whether there is such a model."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What is asked for."""

    model: str
    """Name or id of a chat model, or `brain:` and the id of a brain."""
    question: str
    """The last thing that a person says in the messages."""
    request: Mapping[str, Any]
    """`messages`, `options`, `max_tokens`, `model`, `created`; stored with the turn."""
    key: str = ""
    """Made by the client: the same key asks once. Empty: none."""


def ask_completion(*, user: "User", completion: Completion, claimer: Claimer | None) -> Asked:
    """Stores the question, an empty answer and a turn: the claimer's at once, or queued.

    Raises:
        NotFound: `model-not-found`; also for a brain that the user can't read.
        Conflict: the key was used for another question.
        LimitReached: too many questions wait.
    """
    own_key = f"{user.pk}:{completion.key}"
    conversation_id = uuid5(NAMESPACE_URL, own_key) if completion.key else uuid4()
    client_id = _CLIENT_ID if completion.key else None
    question = Question(completion.question, client_id, completion.request)
    beginning = _beginning(user, conversation_id, completion.model)
    with short_transaction() as own:
        facts = lock_and_read(own, user, conversation_id, client_id, before=beginning)
        return store_question(own, user, facts, question, claimer)


def stop_completion(*, user: "User", turn_id: UUID) -> None:
    """Ends the answer; what was written is kept.

    Raises:
        NotFound: no such completion, or somebody else's.
    """
    get_completion(user=user, turn_id=turn_id)
    request_stop(user=user, turn_id=turn_id)


def delete_completion(*, user: "User", turn_id: UUID) -> None:
    """Deletes question and answer. An answer that is being written ends.

    Raises:
        NotFound: no such completion, or somebody else's.
    """
    turn = get_completion(user=user, turn_id=turn_id)
    Conversation.objects.filter(pk=turn.conversation_id).delete()


def remove_old_completions() -> int:
    """Deletes completions that are older than `API_CONVERSATION_DAYS`; how many."""
    if not settings.API_CONVERSATION_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.API_CONVERSATION_DAYS)
    old = Conversation.objects.filter(origin=Origin.API, updated_at__lt=before).order_by()
    found = list(old.values_list("pk", flat=True)[:OLD_AT_ONCE])
    Conversation.objects.filter(pk__in=found).delete()
    return len(found)


def _beginning(user: "User", conversation_id: UUID, model: str) -> Before:
    """Begins the conversation of a completion."""
    named = {
        "conversation": conversation_id,
        "user": user.pk,
        "brain": _brain_of(user, model),
        "name": model,
        "model": _uuid(model),
    }

    def check(row: tuple[bool]) -> None:
        if not row[0]:
            raise no_such_model(model)

    return Before(_BEGIN, named, check)


def _brain_of(user: "User", name: str) -> UUID | None:
    """The id of the brain that is meant; None: a model is."""
    if not name.startswith(BRAIN_PREFIX):
        return None
    brain_id = _uuid(name.removeprefix(BRAIN_PREFIX))
    if brain_id is None:
        raise no_such_model(name)
    try:
        return get_brain(user=user, brain_id=brain_id).pk
    except NotFound:
        raise no_such_model(name) from None


def get_chat_model(name: str) -> InferenceModel:
    """A chat model by its name or id.

    Raises:
        NotFound: `model-not-found`.
    """
    named = Q(name=name)
    model_id = _uuid(name)
    model = chat_models().filter(named | Q(pk=model_id) if model_id else named).first()
    if model is None:
        raise no_such_model(name)
    return model


def no_such_model(name: str) -> NotFound:
    return NotFound(
        f"The model {name[:200]!r} does not exist, or you have no access to it.",
        code="model-not-found",
        way_out="GET /v1/models lists those that you can use.",
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
