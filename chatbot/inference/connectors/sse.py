"""Server-sent events out of bytes that arrive in any pieces.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation; without
`id` and `retry`, which answers of model servers don't use.
"""

from typing import NamedTuple

EVENT_BYTES_LIMIT = 1024 * 1024
_LF = 0x0A
_PREFIX_BYTES = len(b"data: ")


class EventTooLarge(ValueError):
    """An event that never ends, or isn't one."""


class ServerSentEvent(NamedTuple):
    data: bytes
    """The data lines, joined by line feeds; UTF-8."""
    name: str = ""
    """The `event` field; empty for a plain message."""


class SSEDecoder:
    """Give it the bytes as they come; it gives back the events that are complete.

    Lines are cut as bytes, and only whole events are handed out: it doesn't matter where the
    network cuts a character or a line ending.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._after_carriage_return = False
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._name = b""

    def feed(self, piece: bytes) -> list[ServerSentEvent]:
        """The events that the piece completes.

        Raises:
            EventTooLarge: an event has more than a megabyte.
        """
        if self._is_between_events() and _is_plain(piece):
            return [ServerSentEvent(event[_PREFIX_BYTES:]) for event in piece[:-2].split(b"\n\n")]
        events: list[ServerSentEvent] = []
        for line in self._lines(piece):
            if line.startswith(b"data:"):
                self._add_data(line[6:] if line[5:6] == b" " else line[5:])
            elif not line:
                self._end_event(events)
            else:
                self._read_other_field(line)
        if self._data_bytes + len(self._rest) > EVENT_BYTES_LIMIT:
            raise EventTooLarge(f"an event of more than {EVENT_BYTES_LIMIT} bytes")
        return events

    def _is_between_events(self) -> bool:
        return not (self._rest or self._data or self._name or self._after_carriage_return)

    def _lines(self, piece: bytes) -> list[bytes]:
        if self._after_carriage_return and piece:
            self._after_carriage_return = False
            if piece[0] == _LF:
                piece = piece[1:]
        text = self._rest + piece
        if b"\r" in text:
            self._after_carriage_return = text.endswith(b"\r")
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = text.split(b"\n")
        self._rest = lines.pop()
        return lines

    def _add_data(self, value: bytes) -> None:
        self._data.append(value)
        self._data_bytes += len(value)

    def _end_event(self, events: list[ServerSentEvent]) -> None:
        if self._data:
            name = self._name.decode(errors="replace")
            events.append(ServerSentEvent(b"\n".join(self._data), name))
        self._data = []
        self._data_bytes = 0
        self._name = b""

    def _read_other_field(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        if field == b"event":
            self._name = value.removeprefix(b" ")
        elif field == b"data":
            self._add_data(b"")


def _is_plain(piece: bytes) -> bool:
    """Whether these are whole events of one line of data each, as model servers send them."""
    events = piece.count(b"\n\n")
    return (
        events > 0
        and piece.endswith(b"\n\n")
        and piece.startswith(b"data: ")
        and piece.count(b"\n\ndata: ") == events - 1
        and piece.count(b"\n") == 2 * events
        and b"\r" not in piece
        and len(piece) <= EVENT_BYTES_LIMIT
    )
