"""Messages of gRPC out of bytes that arrive in any pieces, and a call's last word.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

import math
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote

from chatbot.inference.connectors.errors import (
    InferenceError,
    MalformedAnswer,
    PromptTooLong,
    ServerGone,
)
from chatbot.inference.connectors.sse import ServerSentEvent
from chatbot.inference.connectors.statuses import DIGITS_LIMIT, error_of_message, masked

MESSAGE_BYTES_LIMIT: Final = 1024 * 1024
PREFIX_BYTES: Final = 5
OK: Final = 0

_STATUSES: Final[dict[int, tuple[str, int]]] = {
    1: ("CANCELLED", 500),
    2: ("UNKNOWN", 500),
    3: ("INVALID_ARGUMENT", 400),
    4: ("DEADLINE_EXCEEDED", 504),
    5: ("NOT_FOUND", 404),
    6: ("ALREADY_EXISTS", 409),
    7: ("PERMISSION_DENIED", 403),
    8: ("RESOURCE_EXHAUSTED", 429),
    9: ("FAILED_PRECONDITION", 400),
    10: ("ABORTED", 500),
    11: ("OUT_OF_RANGE", 400),
    12: ("UNIMPLEMENTED", 501),
    13: ("INTERNAL", 500),
    14: ("UNAVAILABLE", 503),
    15: ("DATA_LOSS", 500),
    16: ("UNAUTHENTICATED", 401),
}
"""gRPC's names, and the statuses of HTTP that mean the same to us."""
_RESOURCE_EXHAUSTED: Final = 8
_MESSAGE_TOO_LARGE: Final = "larger than max"
"""How servers on gRPC's own libraries refuse a message above their limit."""


def framed(message: bytes) -> bytes:
    """A message as it is sent: not compressed, its length before it."""
    return b"\0" + len(message).to_bytes(4) + message


class MessageDecoder:
    """Give it the bytes as they come; it gives back the messages that are complete."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, piece: bytes) -> Iterator[ServerSentEvent]:
        """The messages that the piece completes.

        Raises:
            MalformedAnswer: one is compressed, or has more than a megabyte.
        """
        self._rest += piece
        while len(self._rest) >= PREFIX_BYTES:
            size = int.from_bytes(self._rest[1:PREFIX_BYTES])
            if self._rest[0]:
                raise MalformedAnswer("a message is compressed, which nobody asked for")
            if size > MESSAGE_BYTES_LIMIT:
                raise MalformedAnswer(f"a message of more than {MESSAGE_BYTES_LIMIT} bytes")
            end = PREFIX_BYTES + size
            if len(self._rest) < end:
                return
            message = bytes(self._rest[PREFIX_BYTES:end])
            del self._rest[:end]
            yield ServerSentEvent(message)


def raise_unless_ok(trailers: Mapping[str, str], *, api_key: str) -> None:
    """Raises the InferenceError for a call's status; a server that repeats our key isn't quoted."""
    said = trailers.get("grpc-status", "")
    if not said.isdecimal() or len(said) > DIGITS_LIMIT:
        raise ServerGone("the call ended without a status")
    if int(said) == OK:
        return
    message = unquote(trailers.get("grpc-message", ""), errors="replace")
    raise _error_of(
        int(said), masked(message, api_key), pushback=trailers.get("grpc-retry-pushback-ms", "")
    )


def _error_of(status: int, message: str, *, pushback: str) -> InferenceError:
    name, http_status = _STATUSES.get(status, (str(status), 500))
    seconds = str(math.ceil(int(pushback[:DIGITS_LIMIT]) / 1000)) if pushback.isdecimal() else ""
    error = error_of_message(http_status, message, retry_after=seconds)
    if status == _RESOURCE_EXHAUSTED and _MESSAGE_TOO_LARGE in message:
        error = PromptTooLong(said=message)
    error.detail = f"gRPC status {name}"
    return error
