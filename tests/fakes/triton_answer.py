"""A scripted answer in the events of Triton's generate extension."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import orjson

from tests.fakes.script import Script
from tests.fakes.scripted_answer import Answer, Stats

PROMPT_END = "\n\nAssistant:"
_ROLE = re.compile(r"^(System|User|Assistant): ?", re.MULTILINE)


class TritonAnswer(Answer):
    """The prompt is one text, and an answer ends with its response."""

    MALFORMED: ClassVar[bytes] = b'data: {"model_name": "scripted", "text_out\n\n'

    def __init__(self, script: Script, request: Mapping[str, Any], stats: Stats) -> None:
        prompt = request["text_input"]
        parameters = request.get("parameters", {})
        before, _, begun = prompt.rpartition(PROMPT_END)
        messages = [{"role": "user", "content": _ROLE.sub("", before)}]
        if begun.strip():
            messages.append({"role": "assistant", "content": begun.removeprefix(" ")})
        super().__init__(
            script,
            {
                "messages": messages,
                "max_tokens": parameters.get("max_tokens"),
                "continue_final_message": bool(begun.strip()),
                "add_generation_prompt": False,
            },
            stats,
        )
        self.is_streamed = True

    @staticmethod
    def question(request: Mapping[str, Any]) -> str:
        text: str = request["text_input"]
        return text

    def _beginning(self) -> Iterator[bytes]:
        yield from ()

    def _token(self, token: str) -> bytes:
        return _event(text_output=token)

    def _error(self, message: str) -> bytes:
        return b"data: " + orjson.dumps({"error": message}) + b"\n\n"

    def _ending(self) -> Iterator[bytes]:
        if self.finish_reason in {"abort", "length"}:
            yield _event(text_output="", finish_reason=self.finish_reason)


def _event(**fields: object) -> bytes:
    outputs = {"model_name": "scripted", "model_version": "1", **fields}
    return b"data: " + orjson.dumps(outputs) + b"\n\n"
