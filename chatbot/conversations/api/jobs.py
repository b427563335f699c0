"""Long work by one address, whatever it is: the reading of a document, or an answer."""

import contextlib
from typing import Any
from uuid import UUID

from django.urls import reverse

from chatbot.accounts.models import Scope, User
from chatbot.contracts.errors import NotFound
from chatbot.conversations.models import TERMINAL_TURN_STATES, Turn
from chatbot.conversations.selectors import get_turn, sources_of
from chatbot.documents.models import DocumentVersion
from chatbot.documents.selectors import get_job_version


def find_job(*, user: User, job_id: UUID, scopes: frozenset[str] | None) -> dict[str, Any]:
    """What `JobOutput` encodes; `scopes` of an API key bound which kinds there are for it.

    Raises:
        NotFound: there is no such job, or it is somebody else's.
    """
    if scopes is None or Scope.BRAINS_READ in scopes:
        with contextlib.suppress(NotFound):
            return _of_version(get_job_version(user=user, version_id=job_id))
    if scopes is None or Scope.CHAT in scopes:
        with contextlib.suppress(NotFound):
            return _of_turn(get_turn(user=user, turn_id=job_id))
    raise NotFound("There is no such job.", way_out="Check the address.")


def _of_version(version: DocumentVersion) -> dict[str, Any]:
    url = reverse("document", kwargs={"document_id": version.document_id})
    return {
        "id": version.pk,
        "kind": "ingestion",
        "state": version.state,
        "progress": {"done": version.pages_done, "total": version.pages_total},
        "error": version,
        "created_at": version.created_at,
        "finished_at": version.finished_at,
        "result": {"url": url},
    }


def job_of_turn(*, user: User, turn_id: UUID) -> dict[str, Any]:
    """The job of an answer; raises NotFound."""
    return _of_turn(get_turn(user=user, turn_id=turn_id))


def _of_turn(turn: Turn) -> dict[str, Any]:
    answer = turn.answer
    return {
        "id": turn.pk,
        "kind": "chat",
        "state": turn.state,
        "progress": {"done": int(turn.state in TERMINAL_TURN_STATES), "total": 1},
        "error": turn,
        "created_at": turn.created_at,
        "finished_at": turn.finished_at,
        "result": {
            "url": reverse("turn", kwargs={"turn_id": turn.pk}),
            "conversation": turn.conversation_id,
            "text": answer.text,
            "citations": sources_of(answer),
            "model_name": answer.model_name,
            "finish_reason": answer.finish_reason,
            "usage": answer,
        },
    }
