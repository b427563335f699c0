"""A scripted answer in the events of Anthropic's Messages API."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import orjson

from tests.fakes.script import Script
from tests.fakes.scripted_answer import ARGUMENT_CHARACTERS, Answer, Refused, Stats

_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


class AnthropicAnswer(Answer):
    """Beginnings of the answer are gone on with when they are the last message."""

    MALFORMED: ClassVar[bytes] = b'event: content_block_delta\ndata: {"type": "content_bl\n\n'

    def __init__(self, script: Script, request: Mapping[str, Any], stats: Stats) -> None:
        _check(request)
        last = request["messages"][-1]
        begun = {"continue_final_message": True, "add_generation_prompt": False}
        super().__init__(
            script,
            {
                "messages": [
                    {"role": message["role"], "content": _text(message["content"])}
                    for message in request["messages"]
                ],
                "max_tokens": request["max_tokens"],
                **(begun if last["role"] == "assistant" else {}),
            },
            stats,
        )
        self.is_streamed = True

    @staticmethod
    def question(request: Mapping[str, Any]) -> str:
        asked = [one for one in request["messages"] if one["role"] == "user"]
        return _text(asked[-1]["content"]) if asked else ""

    def _beginning(self) -> Iterator[bytes]:
        usage = {"input_tokens": self.usage["prompt_tokens"], "output_tokens": 1}
        yield _event("message_start", message={"id": "msg-1", "content": [], "usage": usage})
        yield _event("ping")
        if self.script.reasoning:
            yield _event("content_block_start", index=0, content_block={"type": "thinking"})
            thought = {"type": "thinking_delta", "thinking": self.script.reasoning}
            yield _event("content_block_delta", index=0, delta=thought)
            signature = {"type": "signature_delta", "signature": "abc"}
            yield _event("content_block_delta", index=0, delta=signature)
            yield _event("content_block_stop", index=0)
        yield _event("content_block_start", index=1, content_block={"type": "text", "text": ""})

    def _token(self, token: str) -> bytes:
        delta = {"type": "text_delta", "text": token}
        return _event("content_block_delta", index=1, delta=delta)

    def _error(self, message: str) -> bytes:
        kind = "overloaded_error" if message == "Overloaded" else "api_error"
        return _event("error", error={"type": kind, "message": message})

    def _ending(self) -> Iterator[bytes]:
        yield _event("content_block_stop", index=1)
        for number, call in enumerate(self.script.tool_calls):
            block = {"type": "tool_use", "id": f"call-{number}", "name": call["name"], "input": {}}
            yield _event("content_block_start", index=2 + number, content_block=block)
            for start in range(0, len(call["arguments"]), ARGUMENT_CHARACTERS):
                piece = call["arguments"][start : start + ARGUMENT_CHARACTERS]
                delta = {"type": "input_json_delta", "partial_json": piece}
                yield _event("content_block_delta", index=2 + number, delta=delta)
            yield _event("content_block_stop", index=2 + number)
        if not self.script.no_finish_reason:
            reason = _REASONS.get(self.finish_reason, self.finish_reason)
            usage = {"output_tokens": self.usage["completion_tokens"]}
            yield _event("message_delta", delta={"stop_reason": reason}, usage=usage)
        yield _event("message_stop")


def _event(kind: str, **fields: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **fields}))


def _check(request: Mapping[str, Any]) -> None:
    """What the real one refuses, too."""
    roles = {message["role"] for message in request["messages"]}
    texts = [_text(message["content"]) for message in request["messages"]]
    if not roles <= {"user", "assistant"}:
        raise Refused(400, f"messages: unexpected role in {sorted(roles)}")
    if texts[-1] != texts[-1].rstrip() and request["messages"][-1]["role"] == "assistant":
        raise Refused(400, "final assistant content cannot end with trailing whitespace")


def _text(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return " ".join(block.get("text", "") for block in content)
