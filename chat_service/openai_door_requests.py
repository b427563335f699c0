"""Requests for completions: what is understood of them, checked.

Fields that nobody here knows are passed over. What would change the meaning of the answer and
can't be done, is refused.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from chat_service.given import place_of_question
from chat_service.openai_door_messages import Message, checked_messages
from chat_service.openai_door_values import (
    Checked,
    a_number,
    an_integer,
    an_object,
    invalid,
    stop_texts,
    tool_choice,
    tools,
    true_or_false,
)
from chatbot.conversations.services.completions import Completion

MODEL_CHARACTERS: Final = 300
KEY_CHARACTERS: Final = 255
_MAX_TOKENS: Final = ("max_completion_tokens", "max_tokens")

_OPTIONS: Final[Mapping[str, Callable[[str, object], Checked]]] = {
    "temperature": a_number(0, 2),
    "top_p": a_number(0, 1),
    "frequency_penalty": a_number(-2, 2),
    "presence_penalty": a_number(-2, 2),
    "seed": an_integer(-(1 << 63), (1 << 63) - 1),
    "stop": stop_texts,
    "response_format": an_object,
    "tools": tools,
    "tool_choice": tool_choice,
    "parallel_tool_calls": true_or_false,
}
"""What is passed on to the model's server, each only where it was given."""
_REFUSED: Final[Mapping[str, str]] = {
    "audio": "Audio can't be made here.",
    "functions": "Functions are called tools now.",
    "function_call": "Functions are called tools now; use tool_choice.",
    "logprobs": "Log probabilities are not given.",
    "top_logprobs": "Log probabilities are not given.",
    "web_search_options": "The web is not searched.",
}


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    completion: Completion
    is_streamed: bool
    includes_usage: bool


def parse_request(body: bytes, *, key: str) -> CompletionRequest:
    """A request for a completion; `key`: the header Idempotency-Key.

    Raises:
        InvalidInput: it can't be understood; `fields` names what.
    """
    raw = _object(body)
    for name, sentence in _REFUSED.items():
        if raw.get(name):
            raise invalid(name, sentence)
    _refuse_other_forms(raw)
    if len(key) > KEY_CHARACTERS:
        raise invalid("Idempotency-Key", f"A key has at most {KEY_CHARACTERS} characters.")
    model = raw.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= MODEL_CHARACTERS or "\0" in model:
        raise invalid("model", "The name of a model is missing.")
    messages = checked_messages(raw.get("messages"))
    given = {
        "model": model,
        "created": int(time.time()),
        "messages": messages,
        "max_tokens": _max_tokens(raw),
        "options": _options(raw),
    }
    is_streamed = _flag(raw, "stream")
    stream_options = raw.get("stream_options") or {}
    if not isinstance(stream_options, dict):
        raise invalid("stream_options", "This must be an object.")
    return CompletionRequest(
        Completion(model, _question(messages, model), given, key),
        is_streamed=is_streamed,
        includes_usage=is_streamed and bool(stream_options.get("include_usage")),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid("", f"The body is not JSON: {error}."[:200]) from error
    if not isinstance(raw, dict):
        raise invalid("", "The body is not a JSON object.")
    return raw


def _refuse_other_forms(raw: Mapping[str, Any]) -> None:
    if raw.get("n") not in {None, 1}:
        raise invalid("n", "One answer is given to a request: n must be 1.")
    modalities = raw.get("modalities")
    if modalities not in (None, [], ["text"]):
        raise invalid("modalities", "Answers are text.")


def _options(raw: Mapping[str, Any]) -> dict[str, Checked]:
    return {
        name: check(name, raw[name])
        for name, check in _OPTIONS.items()
        if raw.get(name) is not None
    }


def _max_tokens(raw: Mapping[str, Any]) -> int | None:
    for name in _MAX_TOKENS:
        if raw.get(name) is not None:
            return int(an_integer(1, 1 << 31)(name, raw[name]))
    return None


def _flag(raw: Mapping[str, Any], name: str) -> bool:
    value = raw.get(name)
    return False if value is None else bool(true_or_false(name, value))


def _question(messages: list[Message], model: str) -> str:
    question: str = messages[place_of_question(messages)]["content"]
    if model.startswith("brain:") and not question.strip():
        raise invalid("messages", "A brain needs a question: a message of the user.")
    return question
