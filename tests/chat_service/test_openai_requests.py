"""What is understood of a completion's request, and what is refused."""

import json
from typing import Any

import pytest

from chat_service.openai_door_requests import parse_request
from chatbot.contracts.errors import InvalidInput

USER = {"role": "user", "content": "What?"}


def body(**fields: Any) -> bytes:  # noqa: ANN401 - JSON
    return json.dumps({"model": "m", "messages": [USER], **fields}).encode()


def nested(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(depth):
        found = {"deeper": found}
    return found


class TestParseRequest:
    @pytest.mark.parametrize(
        ("fields", "param"),
        [
            ({"n": 2}, "n"),
            ({"modalities": ["text", "audio"]}, "modalities"),
            ({"audio": {"voice": "alloy"}}, "audio"),
            ({"logprobs": True}, "logprobs"),
            ({"functions": [{"name": "f"}]}, "functions"),
            ({"model": ""}, "model"),
            ({"model": 1}, "model"),
            ({"model": "x" * 301}, "model"),
            ({"messages": []}, "messages"),
            ({"messages": "What?"}, "messages"),
            ({"messages": [USER] * 2001}, "messages"),
            ({"messages": ["What?"]}, "messages[0]"),
            ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
            ({"messages": [{"role": "user"}]}, "messages[0].content"),
            ({"messages": [{"role": "user", "content": "a\0b"}]}, "messages[0].content"),
            (
                {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
                "messages[0].content",
            ),
            ({"messages": [USER, {"role": "tool", "content": "x"}]}, "messages[1].tool_call_id"),
            (
                {"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}]},
                "messages[0].tool_calls",
            ),
            ({"temperature": 2.1}, "temperature"),
            ({"temperature": True}, "temperature"),
            ({"top_p": "1"}, "top_p"),
            ({"seed": 1.5}, "seed"),
            ({"max_tokens": 0}, "max_tokens"),
            ({"max_completion_tokens": "9"}, "max_completion_tokens"),
            ({"stop": ["x"] * 17}, "stop"),
            ({"stop": [""]}, "stop"),
            ({"response_format": "json"}, "response_format"),
            ({"response_format": nested(60)}, "response_format"),
            ({"response_format": {"a": ["\0"]}}, "response_format"),
            ({"tools": [{"type": "web_search"}]}, "tools"),
            ({"tools": [{"type": "function", "function": {}}]}, "tools"),
            ({"tool_choice": "always"}, "tool_choice"),
            ({"stream": "yes"}, "stream"),
            ({"stream_options": "usage"}, "stream_options"),
        ],
        ids=str,
    )
    def test_names_what_it_refuses(self, fields: dict[str, Any], param: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            parse_request(body(**fields), key="")

        assert list(refused.value.fields) == [param]

    @pytest.mark.parametrize(
        "raw", [b"", b"{", b"[]", b'"x"', b'{"model": "\\ud800"}', b"\xff", b"{}", b"[" * 100_000]
    )
    def test_refuses_what_is_no_request(self, raw: bytes) -> None:
        with pytest.raises(InvalidInput):
            parse_request(raw, key="")

    def test_passes_over_what_it_does_not_know(self) -> None:
        request = parse_request(body(user="u", store=True, metadata={}, top_k=3), key="")

        assert request.completion.request["options"] == {}
        assert not request.is_streamed

    def test_takes_null_for_nothing(self) -> None:
        fields = dict.fromkeys(("temperature", "stop", "tools", "max_tokens", "stream", "n"))

        request = parse_request(body(**fields), key="")

        assert request.completion.request["options"] == {}
        assert request.completion.request["max_tokens"] is None

    def test_finds_the_question_among_the_messages(self) -> None:
        tool = {"role": "tool", "tool_call_id": "1", "content": "Rain"}
        messages = [{"role": "system", "content": "Brief."}, USER, tool]

        request = parse_request(body(messages=messages), key="k")

        assert (request.completion.question, request.completion.key) == ("What?", "k")

    def test_joins_parts_of_a_text(self) -> None:
        parts = [{"type": "text", "text": "One"}, {"type": "text", "text": "two"}]

        request = parse_request(body(messages=[{"role": "user", "content": parts}]), key="")

        assert request.completion.question == "One\ntwo"
