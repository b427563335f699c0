"""Questions as they come in the body of a request."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from chatbot.contracts.errors import InvalidInput
from chatbot.conversations.services.asking import Parent, Place


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    client_id: str
    """Empty: none."""
    parent_id: Parent


def parse_question(body: bytes) -> Question:
    """A question in JSON, as the REST API takes it, too. Unknown fields are passed over.

    Raises:
        InvalidInput: it can't be understood; `fields` names what.
    """
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput("The body is not JSON.", way_out=_WAY_OUT) from error
    if not isinstance(raw, dict):
        raise InvalidInput("The body is not a JSON object.", way_out=_WAY_OUT)
    return Question(_text(raw, "text"), _text(raw, "client_id"), _parent(raw))


_WAY_OUT = 'Send {"text": "…"}; see docs/protocols/chat.md.'


def _text(raw: dict[str, Any], name: str) -> str:
    text = raw.get(name)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise _invalid(name, "Must be a text.")
    return text


def _parent(raw: dict[str, Any]) -> Parent:
    if "parent" not in raw:
        return Place.END
    parent = raw["parent"]
    if parent is None:
        return None
    try:
        return UUID(parent)
    except (ValueError, TypeError, AttributeError):
        raise _invalid("parent", "Must be the id of a message, or null.") from None


def _invalid(name: str, sentence: str) -> InvalidInput:
    return InvalidInput("The question can't be understood.", fields={name: [sentence]})
