"""It doesn't matter where the network cuts the bytes of an answer."""

import asyncio
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.inference.connectors.anthropic_events import MessageReader
from chatbot.inference.connectors.errors import ServerGone
from chatbot.inference.connectors.event_streams import EventReader, StreamedAnswer
from chatbot.inference.connectors.kserve_http import GenerateReader, KServeOptions
from chatbot.inference.connectors.openai_chunks import ChunkReader
from chatbot.inference.connectors.protocol import (
    Finished,
    ReasoningDelta,
    StreamItem,
    TextDelta,
    ToolCallDelta,
)
from tests.fakes.anthropic_answer import AnthropicAnswer
from tests.fakes.script import Script
from tests.fakes.scripted_answer import Answer, Stats
from tests.fakes.triton_answer import TritonAnswer

ASKED = {"messages": [{"role": "user", "content": "Why?"}], "max_tokens": 9}
SCRIPT = Script(
    text="뇌간은 🧠 é.",
    reasoning="흠.",
    tool_calls=({"name": "look", "arguments": '{"for": "뇌"}'},),
)


def recorded(answer: Answer) -> bytes:
    """The body of the response, as the scripted server sends it."""
    body = bytearray()

    async def send(message: MutableMapping[str, Any]) -> None:
        body.extend(message.get("body", b""))

    asyncio.run(answer.stream(send))
    return bytes(body)


def in_characters(items: Iterable[StreamItem]) -> list[StreamItem]:
    """The same however much text was taken together."""
    return [
        part
        for item in items
        for part in (map(TextDelta, item.text) if isinstance(item, TextDelta) else [item])
    ]


@dataclass(frozen=True)
class Recording:
    reader: Callable[[], EventReader]
    body: bytes

    def items(self, *pieces: bytes) -> list[StreamItem]:
        answer = StreamedAnswer(self.reader(), "")
        items = [item for piece in pieces for item in answer.items(piece)]
        answer.reader.end_of_response()
        return in_characters([*items, *answer.end()])

    def texts(self, *pieces: bytes) -> list[TextDelta]:
        answer = StreamedAnswer(self.reader(), "")
        items = [item for piece in pieces for item in answer.items(piece)]
        return [item for item in items if isinstance(item, TextDelta)]

    def before(self, cut: int) -> list[StreamItem]:
        """What is there when the connection breaks."""
        return in_characters(StreamedAnswer(self.reader(), "").items(self.body[:cut]))

    def error_after(self, cut: int) -> type[Exception] | None:
        answer = StreamedAnswer(self.reader(), "")
        list(answer.items(self.body[:cut]))
        try:
            list(answer.end())
        except ServerGone as error:
            return type(error)
        return None


OPENAI = {**ASKED, "stream_options": {"include_usage": True}}
RECORDINGS = {
    "openai": Recording(ChunkReader, recorded(Answer(SCRIPT, OPENAI, Stats()))),
    "anthropic": Recording(MessageReader, recorded(AnthropicAnswer(SCRIPT, ASKED, Stats()))),
    "kserve-http": Recording(
        lambda: GenerateReader(KServeOptions()),
        recorded(TritonAnswer(SCRIPT, {"text_input": "User: Why?\n\nAssistant:"}, Stats())),
    ),
}
every_recording = pytest.mark.parametrize("recording", RECORDINGS.values(), ids=RECORDINGS)


@every_recording
class TestStreamedAnswer:
    def test_is_what_was_said(self, recording: Recording) -> None:
        items = recording.items(recording.body)

        assert "".join(one.text for one in items if isinstance(one, TextDelta)) == SCRIPT.text

    def test_takes_together_what_came_together(self, recording: Recording) -> None:
        together = recording.texts(recording.body)
        apart = recording.texts(*(bytes([byte]) for byte in recording.body))

        assert [one.text for one in together] == [SCRIPT.text]
        assert len(apart) > 1
        assert together[0].pieces == len(apart) == sum(one.pieces for one in apart)

    def test_is_the_same_wherever_it_is_cut(self, recording: Recording) -> None:
        body = recording.body

        outcomes = [recording.items(body[:cut], body[cut:]) for cut in range(len(body) + 1)]

        assert outcomes == [recording.items(body)] * (len(body) + 1)

    def test_is_the_same_byte_by_byte(self, recording: Recording) -> None:
        items = recording.items(*(bytes([byte]) for byte in recording.body))

        assert items == recording.items(recording.body)

    @given(cuts=st.sets(st.integers(0, 3000), max_size=20))
    def test_is_the_same_in_any_pieces(self, recording: Recording, cuts: set[int]) -> None:
        edges = [0, *sorted(cuts), max(cuts | {len(recording.body)})]
        pieces = [recording.body[start:end] for start, end in pairwise(edges)]

        assert recording.items(*pieces) == recording.items(recording.body)

    def test_is_the_beginning_of_the_whole_wherever_it_breaks(self, recording: Recording) -> None:
        whole = recording.items(recording.body)

        beginnings = [recording.before(cut) for cut in range(len(recording.body))]

        assert all(items == whole[: len(items)] for items in beginnings)

    def test_is_not_complete_when_it_breaks_while_something_is_said(
        self, recording: Recording
    ) -> None:
        content = [item for item in recording.items(recording.body) if is_content(item)]
        broken = [
            cut for cut in range(len(recording.body)) if len(recording.before(cut)) < len(content)
        ]

        errors = [recording.error_after(cut) for cut in broken]

        assert errors == [ServerGone] * len(broken)


class TestRecordings:
    @pytest.mark.parametrize("name", ["openai", "anthropic"])
    def test_have_thoughts_and_calls(self, name: str) -> None:
        recording = RECORDINGS[name]

        items = recording.items(recording.body)

        calls = [one for one in items if isinstance(one, ToolCallDelta)]
        assert ReasoningDelta("흠.") in items
        assert (calls[0].id, calls[0].name) == ("call-0", "look")
        assert "".join(one.arguments for one in calls) == SCRIPT.tool_calls[0]["arguments"]
        assert items[-1] == Finished("tool_calls")


def is_content(item: StreamItem) -> bool:
    return isinstance(item, TextDelta | ReasoningDelta | ToolCallDelta)
