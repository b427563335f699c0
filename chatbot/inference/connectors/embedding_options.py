"""How texts go to one embedding server: what it says of itself, and what an administrator says."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

from chatbot.inference.connectors.embedding_limits import Counting, ServerLimits
from chatbot.inference.connectors.options import OptionsWrong, read_options

UNKNOWN_MAX_TOKENS: Final = 512
"""Where nobody says how long a text may be: as much as the usual small models take."""
_BATCH_TOKENS: Final = 8192
_BATCH_TEXTS: Final = 64
_BATCHES_AT_ONCE: Final = 4
_EMBEDDED_BATCH_TEXTS: Final = 8
"""A question that comes meanwhile waits for as many at most."""


@dataclass(frozen=True, slots=True)
class EmbeddingOptions:
    """Options of an embedding endpoint; 0: as the server says, or as usual."""

    max_tokens: int = 0
    """Of one text."""
    batch_tokens: int = 0
    """Of all texts of a request."""
    batch_texts: int = 0
    batches_at_once: int = 0
    """Requests under way from one worker."""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Raises OptionsWrong."""
        options = read_options(cls, given)
        for field in fields(cls):
            if getattr(options, field.name) < 0:
                raise OptionsWrong(f"The option {field.name} is below 0.")
        return options


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What is sent to a server at once."""

    max_tokens: int
    batch_tokens: int
    batch_texts: int
    batches_at_once: int
    counting: Counting


def batch_limits(options: EmbeddingOptions, server: ServerLimits, *, slots: int) -> BatchLimits:
    """What an administrator says; else what the server says; else the usual.

    `slots`: requests that the endpoint takes at once.
    """
    texts, at_once = _BATCH_TEXTS, _BATCHES_AT_ONCE
    if server.is_embedded:
        texts, at_once = _EMBEDDED_BATCH_TEXTS, 1
    tokens = min(_BATCH_TOKENS, server.batch_tokens or _BATCH_TOKENS)
    return BatchLimits(
        max_tokens=options.max_tokens or server.max_tokens or UNKNOWN_MAX_TOKENS,
        batch_tokens=options.batch_tokens or tokens,
        batch_texts=options.batch_texts or min(texts, server.batch_texts or texts),
        batches_at_once=max(1, min(slots, options.batches_at_once or at_once)),
        counting=server.counting,
    )
