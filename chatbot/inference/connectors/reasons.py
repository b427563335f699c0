"""Why an answer ended, in one language for all servers."""

from typing import Final

from chatbot.inference.connectors.errors import ServerGone
from chatbot.inference.connectors.protocol import Finished

REASON_CHARACTERS: Final = 32

_REASONS: Final = {
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "tool-calls": "tool_calls",
    "function_call": "tool_calls",
    "refusal": "filtered",
    "content_filter": "filtered",
    "content-filter": "filtered",
}
_BROKEN_OFF: Final = frozenset({"abort", "error", "cancelled"})


def finish_of(reason: str) -> Finished:
    """The end that a server's word means; a word that nobody knows stays as it is.

    Raises:
        ServerGone: the word means that the server broke off.
        TypeError: it isn't a word.
    """
    if reason in _BROKEN_OFF:
        raise ServerGone(f"the server ended the answer: {reason}")
    return Finished(_REASONS.get(reason, "" + reason)[:REASON_CHARACTERS])
