"""What the scripted inference server does with a request.

A script comes from the command line, from `POST /script`, and from a directive in the last user
message, `[[script {"tokens": 40, "die_after": 7}]]`; each overrides the one before, field by field.
"""

import json
import re
from dataclasses import dataclass, fields, replace
from typing import Any

_DIRECTIVE = re.compile(r"\[\[script (\{.*?\})\]\]", re.DOTALL)
_PIECE = re.compile(r"\s*\S+|\s+$")
CITE_EVERY_TOKENS = 12

_ENGLISH = (
    "The brainstem keeps the body breathing while every other part is busy. It sits below the "
    "midbrain and above the spinal cord, and all signals between them pass through it. Reflexes "
    "that must never wait are wired here: they take the shortest way, and they are never asked to "
    "stand in a queue. What is slow goes elsewhere and reports when it is done."
)
_KOREAN = (
    "뇌간은 다른 부위가 바쁘게 일하는 동안에도 숨을 쉬게 합니다. 중뇌 아래와 척수 위에 있으며 "
    "둘 사이의 모든 신호가 이곳을 지나갑니다. 기다릴 수 없는 반사는 가장 짧은 길로 이어지고 "
    "결코 줄을 서지 않습니다. 느린 일은 다른 곳에서 끝낸 뒤에 결과를 알려 줍니다."
)
WORDS = {"en": _ENGLISH.split(), "ko": _KOREAN.split()}


class UnknownScript(ValueError):
    """A script has a field that doesn't exist, or isn't JSON."""


@dataclass(frozen=True, slots=True)
class Script:
    """All counts are tokens, and `…_after` happens after so many tokens were sent."""

    delay_ms: float = 0
    """Before the first token; a real server's queue and prompt."""
    late_headers: bool = False
    """Answer with nothing at all until the delay is over, as llama.cpp does."""
    rate: float = 0
    """Tokens a second; 0: as fast as it goes."""
    tokens: int = 60
    text: str | None = None
    """The whole answer; instead of `tokens` and `language`."""
    token_bytes: int = 0
    """Words of `tokens` are lengthened to so many."""
    language: str = "en"
    """`en` or `ko`."""
    reasoning: str = ""
    """Sent before the answer, as thinking aloud."""
    reasoning_field: str = "reasoning_content"
    """Under which name; some servers say `reasoning`."""
    tool_calls: tuple[dict[str, str], ...] = ()
    """Functions to call after the text: `name` and `arguments`, which come in pieces."""
    finish_reason: str = "stop"
    stall_after: int | None = None
    """Says nothing more, and keeps the connection."""
    die_after: int | None = None
    """Cuts the connection; 0: right after the headers."""
    end_after: int | None = None
    """Ends the response as if all were well, without a finish reason and `[DONE]`."""
    malformed_after: int | None = None
    """Sends half of a JSON object as an event."""
    error_in_stream_after: int | None = None
    """An error as an event, and then `[DONE]`, as vLLM does."""
    no_finish_reason: bool = False
    """`[DONE]` without a finish reason before it."""
    no_usage: bool = False
    error_status: int | None = None
    error_message: str = "scripted error"
    retry_after: int | None = None
    cut_utf8: bool = False
    """Cuts the bytes every few of them, inside characters too."""
    largest_picture: int | None = None
    """Refuses pictures whose address, with the picture in it, has more characters."""
    embedding_delay_ms: float = 0
    models_status: int | None = None
    """Of `/v1/models`: whether the server seems to be well."""
    queue: int | None = None
    """Waits inside, by `/metrics` as vLLM has it; None: there is no such page."""
    refuses_base64: bool = False
    """Embeddings as numbers only."""

    def with_fields(self, changes: dict[str, Any]) -> "Script":
        """The same script with some fields changed.

        Raises:
            UnknownScript: there is no such field.
        """
        if unknown := changes.keys() - {field.name for field in fields(Script)}:
            raise UnknownScript(f"unknown fields: {', '.join(sorted(unknown))}")
        return replace(self, **changes)

    def with_directive(self, question: str) -> "Script":
        """The script as the question's directive changes it, if it has one.

        Raises:
            UnknownScript: the directive is wrong.
        """
        found = _DIRECTIVE.search(question)
        if found is None:
            return self
        try:
            return self.with_fields(json.loads(found[1]))
        except json.JSONDecodeError as error:
            raise UnknownScript(f"the directive isn't JSON: {error}") from error

    def answer(self) -> str:
        """The whole answer: the same for the same script, whatever was asked."""
        if self.text is not None:
            return self.text
        words = generated(self.tokens, self.language)
        if not self.token_bytes:
            return words
        return " ".join(word.ljust(self.token_bytes, "-") for word in words.split())


def generated(tokens: int, language: str = "en") -> str:
    """So many words in English or Korean, with a citation here and there."""
    words = WORDS[language]
    return " ".join(
        f"[{1 + number // CITE_EVERY_TOKENS % 3}]"
        if number % CITE_EVERY_TOKENS == CITE_EVERY_TOKENS - 1
        else words[number % len(words)]
        for number in range(tokens)
    )


def tokens_of(text: str) -> list[str]:
    """Words with the space before them; joined they are the text."""
    return _PIECE.findall(text)
