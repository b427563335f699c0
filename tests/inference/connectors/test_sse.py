from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.inference.connectors.sse import (
    EVENT_BYTES_LIMIT,
    EventTooLarge,
    ServerSentEvent,
    SSEDecoder,
)

STREAM = """: a comment
data: {"text": "뇌간은 🧠 é"}

event: error
data:first
data: second

id: 7
retry: 10
data

data: [DONE]

data: never ended"""
EVENTS = [
    ServerSentEvent('{"text": "뇌간은 🧠 é"}'.encode()),
    ServerSentEvent(b"first\nsecond", "error"),
    ServerSentEvent(b""),
    ServerSentEvent(b"[DONE]"),
]
ENDINGS = pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])


def decoded(*pieces: bytes) -> list[ServerSentEvent]:
    decoder = SSEDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


class TestSSEDecoder:
    @ENDINGS
    def test_reads_a_whole_stream(self, ending: str) -> None:
        assert decoded(STREAM.replace("\n", ending).encode()) == EVENTS

    @ENDINGS
    def test_does_not_care_where_the_bytes_are_cut(self, ending: str) -> None:
        stream = STREAM.replace("\n", ending).encode()

        outcomes = [decoded(stream[:cut], stream[cut:]) for cut in range(len(stream) + 1)]

        assert outcomes == [EVENTS] * (len(stream) + 1)

    @ENDINGS
    def test_reads_byte_by_byte(self, ending: str) -> None:
        stream = STREAM.replace("\n", ending).encode()

        assert decoded(*(bytes([byte]) for byte in stream)) == EVENTS

    @ENDINGS
    @given(cuts=st.sets(st.integers(0, 150), max_size=12))
    def test_reads_any_pieces(self, ending: str, cuts: set[int]) -> None:
        stream = STREAM.replace("\n", ending).encode()
        edges = [0, *sorted(cuts), len(stream)]
        pieces = [stream[start:end] for start, end in pairwise(edges)]

        assert decoded(*pieces) == EVENTS

    def test_gives_an_event_as_soon_as_it_is_complete(self) -> None:
        decoder = SSEDecoder()

        early = decoder.feed(b"data: one\n\nda")

        assert early == [ServerSentEvent(b"one")]

    @pytest.mark.parametrize(
        "line",
        [b"data: " + b"x" * 5000, b"x" * 5000, b"data: " + b"x" * 5000 + b"\n"],
        ids=["one line", "no field", "many lines"],
    )
    def test_refuses_an_event_without_an_end(self, line: bytes) -> None:
        lines = [line] * (EVENT_BYTES_LIMIT // 5000 + 1)

        with pytest.raises(EventTooLarge):
            decoded(*lines)
