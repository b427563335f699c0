"""Models as OpenAI's API lists them: chat models by name, and brains."""

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from chatbot.brains.models import Brain
from chatbot.brains.selectors import get_brain, readable_brains
from chatbot.contracts.errors import NotFound
from chatbot.conversations.services.completions import (
    BRAIN_PREFIX,
    get_chat_model,
    no_such_model,
)
from chatbot.inference.models import InferenceModel
from chatbot.inference.selectors import served_chat_models

if TYPE_CHECKING:
    from chatbot.accounts.models import User

OWNER: Final = "brainstem"
BRAINS: Final = 1000
"""More brains than these can be used, but are not listed."""


def listed_models(*, user: "User") -> list[dict[str, Any]]:
    """The chat models that are served, then the brains that the person can read."""
    served = served_chat_models().order_by("-is_default", "name")
    brains = readable_brains(user=user).order_by("name", "pk")[:BRAINS]
    return [*map(_model, served), *map(_brain, brains)]


def listed_model(*, user: "User", name: str) -> dict[str, Any]:
    """One of them, by its id.

    Raises:
        NotFound: `model-not-found`.
    """
    if not name.startswith(BRAIN_PREFIX):
        return _model(get_chat_model(name))
    try:
        return _brain(get_brain(user=user, brain_id=UUID(name.removeprefix(BRAIN_PREFIX))))
    except (NotFound, ValueError):
        raise no_such_model(name) from None


def _model(model: InferenceModel) -> dict[str, Any]:
    return {
        "id": model.name,
        "object": "model",
        "created": int(model.created_at.timestamp()),
        "owned_by": OWNER,
        "name": model.name,
        "context_length": model.context_tokens,
    }


def _brain(brain: Brain) -> dict[str, Any]:
    return {
        "id": f"{BRAIN_PREFIX}{brain.pk}",
        "object": "model",
        "created": int(brain.created_at.timestamp()),
        "owned_by": OWNER,
        "name": brain.name,
    }
