"""Events as chunks: what is sent once can't be taken back."""

import json
from typing import Any
from uuid import UUID

import pytest

from chat_service.openai_door_chunks import ChunkWriter
from chat_service.openai_door_results import Head
from chat_service.stream_log import Entry, entry
from chatbot.contracts.events import EPOCH_STRIDE

TURN = UUID(int=7)
HEAD = Head("chatcmpl-1", {"model": "m", "created": 1, "messages": [], "options": {}})


def token(seq: int, text: str) -> Entry:
    return entry(TURN, seq, {"type": "token", "text": text})


def resumed(epoch: int, text: str) -> Entry:
    event = {"type": "turn.resumed", "epoch": epoch, "text_length": len(text), "text": text}
    return entry(TURN, epoch * EPOCH_STRIDE + 1, event)


def completed(seq: int, reason: str = "stop") -> Entry:
    return entry(TURN, seq, {"type": "turn.completed", "finish_reason": reason})


def chunks(data: bytes) -> list[dict[str, Any]]:
    lines = [line for line in data.decode().split("\n") if line.startswith("data: {")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def text_of(data: bytes) -> str:
    choices = [choice for chunk in chunks(data) for choice in chunk.get("choices", ())]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def writer(*, is_resumed: bool = False) -> ChunkWriter:
    return ChunkWriter(HEAD, includes_usage=False, is_resumed=is_resumed)


@pytest.mark.parametrize(
    "text",
    ['"quoted"', '"text":', "\\", "\n\r\t", "한국어 🧠", "\u2028", '{"type":"token"', "\x7f"],
)
class TestText:
    def test_comes_as_it_was_written(self, text: str) -> None:
        data = writer().encoded([token(5, text), token(6, text)])

        assert text_of(data) == 2 * text
        assert b"id: 5\n" in data


class TestTakeOver:
    def test_adds_what_is_new(self) -> None:
        chunk_writer = writer()
        begun = chunk_writer.encoded([token(1, "One"), token(2, " two")])

        rest = chunk_writer.encoded([resumed(1, "One two three"), token(EPOCH_STRIDE + 2, " four")])

        assert text_of(begun + rest) == "One two three four"

    def test_waits_until_the_same_was_said_again(self) -> None:
        chunk_writer = writer()
        begun = chunk_writer.encoded([token(1, "One"), token(2, " two")])
        again = [
            token(EPOCH_STRIDE + 2 + place, text)
            for place, text in enumerate(["On", "e t", "wo 3"])
        ]

        rest = chunk_writer.encoded([resumed(1, ""), *again, token(EPOCH_STRIDE + 9, " 4")])

        assert text_of(begun + rest) == "One two 3 4"

    def test_says_that_something_else_is_said(self) -> None:
        chunk_writer = writer()
        chunk_writer.encoded([token(1, "One two")])

        data = chunk_writer.encoded(
            [resumed(1, ""), token(EPOCH_STRIDE + 2, "Two"), token(EPOCH_STRIDE + 3, "!")]
        )

        [last] = chunks(data)
        assert last["error"]["code"] == "answer-begun-again"
        assert chunk_writer.has_ended
        assert b"[DONE]" not in data

    def test_can_not_take_back_calls_of_tools(self) -> None:
        piece = {"index": 0, "id": "c", "type": "function", "function": {"arguments": "{"}}
        chunk_writer = writer()
        chunk_writer.encoded([entry(TURN, 1, {"type": "tool_calls", "tool_calls": [piece]})])

        [last] = chunks(chunk_writer.encoded([resumed(1, "")]))

        assert last["error"]["code"] == "answer-begun-again"

    def test_gives_the_whole_text_to_who_reads_on(self) -> None:
        data = writer(is_resumed=True).encoded(
            [resumed(1, "One two"), token(EPOCH_STRIDE + 2, "!")]
        )

        [whole, more] = chunks(data)
        assert (whole["resumed"], whole["choices"][0]["delta"]["content"]) == (True, "One two")
        assert "resumed" not in more


class TestEnd:
    @pytest.mark.parametrize(
        ("reason", "told"),
        [
            ("stop", "stop"),
            ("length", "length"),
            ("filtered", "content_filter"),
            ("tool_calls", "tool_calls"),
            ("nothing-found", "stop"),
            ("a word of the server", "stop"),
        ],
    )
    def test_has_a_reason_that_clients_know(self, reason: str, told: str) -> None:
        data = writer().encoded([token(1, "x"), completed(2, reason)])

        assert chunks(data)[-1]["choices"][0]["finish_reason"] == told
        assert data.endswith(b"data: [DONE]\n\n")
