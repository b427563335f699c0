"""Events of a turn as chunks of `chat.completion.chunk`.

A token costs no JSON: the event has its text encoded already, and everything around it is the same
for all chunks of an answer. So chunks are joined from bytes.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

from chat_service.openai_door_errors import ErrorAnswer, error_answer
from chat_service.openai_door_results import Head, Result, annotations, is_of_brain, usage_of
from chat_service.stream_log import Entry
from chatbot.contracts.errors import AppError, Unavailable

DONE: Final = b"data: [DONE]\n\n"
_TOKEN: Final = b'{"type":"token"'
_RESUMED: Final = b'{"type":"turn.resumed"'
_PARTS: Final = {
    _TOKEN: (b'"text":', b'"content":'),
    b'{"type":"reasoning"': (b'"text":', b'"reasoning_content":'),
    b'{"type":"tool_calls"': (b'"tool_calls":', b'"tool_calls":'),
}
"""What of an event becomes what of a chunk; both are the last field."""
_BEHIND_IDS: Final = 50
"""No field that is looked for stands before this byte."""


class ChunkWriter:
    """Of one response. `is_resumed`: its reader has seen the beginning elsewhere."""

    def __init__(self, head: Head, *, includes_usage: bool, is_resumed: bool) -> None:
        self.has_ended = False
        self._head = head
        self._includes_usage = includes_usage
        self._is_resumed = is_resumed
        fixed = orjson.dumps(head.of("chat.completion.chunk"))[:-1]
        self._begin = b"data: " + fixed + b',"choices":[{"index":0,"delta":{'
        usage = b',"usage":null' if includes_usage else b""
        self._end = b'},"logprobs":null,"finish_reason":null}]' + usage + b"}\n\n"
        self._token_begin = self._begin + b'"content":'
        self._base = ""
        self._tokens: list[Entry] = []
        """All text so far is the base and these."""
        self._ahead = ""
        """What the reader has of the text beyond that: the answer was begun again."""
        self._others: list[Entry] = []
        self._has_calls = False

    def first(self) -> bytes:
        """The chunk that says who speaks."""
        if self._is_resumed:
            return b""
        return self._begin + b'"role":"assistant","content":""' + self._end

    def encoded(self, entries: Sequence[Entry]) -> bytes:
        """The chunks of some events; each has its number, from which reading can go on."""
        parts: list[bytes] = []
        for one in entries:
            body = one.body
            if body.startswith(_TOKEN) and not self._ahead:
                text = body[body.index(b'"text":', _BEHIND_IDS) + 7 : -1]
                parts += (b"id: %d\n" % one.seq, self._token_begin, text, self._end)
                self._tokens.append(one)
            else:
                parts.append(self._rare(one))
                if self.has_ended:
                    break
        return b"".join(parts)

    def failed(self, error: AppError) -> bytes:
        """The end of a response that can't go on."""
        self.has_ended = True
        return b"data: " + orjson.dumps(error_answer(error).body) + b"\n\n"

    def early_failure(self, entries: Iterable[Entry]) -> ErrorAnswer | None:
        """The error, where the answer failed before there was any of it."""
        if self._tokens or self._base:
            return None
        for one in entries:
            if one.body.startswith(tuple(_PARTS)):
                return None
            if one.is_terminal:
                failure = _followed([one]).failure
                return error_answer(failure) if failure else None
        return None

    def _rare(self, one: Entry) -> bytes:
        if one.body.startswith(_RESUMED):
            return self._text_that_stands(one)
        if one.body.startswith(_TOKEN):
            return self._catch_up(one)
        if one.is_terminal:
            return self._last(one)
        for kind, (field, name) in _PARTS.items():
            if one.body.startswith(kind):
                self._has_calls = self._has_calls or field == name
                value = one.body[one.body.index(field, _BEHIND_IDS) + len(field) : -1]
                return b"id: %d\n" % one.seq + self._begin + name + value + self._end
        self._others.append(one)
        return b""

    def _text_that_stands(self, one: Entry) -> bytes:
        """What `turn.resumed` adds to what the reader has.

        Who has resumed knows that a chunk may hold the whole text. Who has not is told only what is
        new, and where that is impossible, that the answer was begun again.
        """
        standing: str = orjson.loads(one.body)["text"]
        seen = self._text() + self._ahead
        self._base, self._tokens, self._ahead = standing, [], ""
        if self._is_resumed:
            return self._chunk(one, {"content": standing}, resumed=True)
        if standing.startswith(seen) and not (self._has_calls and not standing):
            new = standing[len(seen) :]
            return self._chunk(one, {"content": new}) if new else b""
        if seen.startswith(standing) and not self._has_calls:
            self._ahead = seen[len(standing) :]
            return b""
        return self._begun_again()

    def _catch_up(self, one: Entry) -> bytes:
        """More of an answer that was begun again: it has to say what it said."""
        text = _followed([one]).text
        self._tokens.append(one)
        if self._ahead.startswith(text):
            self._ahead = self._ahead[len(text) :]
            return b""
        if not text.startswith(self._ahead):
            return self._begun_again()
        new, self._ahead = text[len(self._ahead) :], ""
        return self._chunk(one, {"content": new})

    def _begun_again(self) -> bytes:
        address = f"/v1/chat/completions/{self._head.id}"
        return self.failed(
            Unavailable(
                "The model server broke off, and the answer was begun again.",
                code="answer-begun-again",
                way_out=f"GET {address} has it when it is complete.",
            )
        )

    def _last(self, one: Entry) -> bytes:
        result = _followed([*self._others, one])
        if result.failure is not None:
            return self.failed(result.failure)
        self.has_ended = True
        needs_text = is_of_brain(self._head.given) or result.usage is None
        result.text = self._text() if needs_text else ""
        parts = [self._final_chunk(one, result)]
        if self._includes_usage:
            usage = {"choices": [], "usage": usage_of(self._head, result)}
            body = {**self._head.of("chat.completion.chunk"), **usage}
            parts.append(b"data: " + orjson.dumps(body) + b"\n\n")
        return b"".join((*parts, DONE))

    def _final_chunk(self, one: Entry, result: Result) -> bytes:
        if result.sources is None:
            return self._chunk(one, {}, reason=result.finish_reason)
        cited = annotations(self._head.given, result.text, result.sources)
        return self._chunk(
            one,
            {"annotations": cited} if cited else {},
            reason=result.finish_reason,
            citations=result.sources,
        )

    def _chunk(
        self, one: Entry, delta: dict[str, Any], *, reason: str | None = None, **further: object
    ) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        body = {**self._head.of("chat.completion.chunk"), "choices": [choice], **further}
        if self._includes_usage:
            body["usage"] = None
        return b"id: %d\ndata: " % one.seq + orjson.dumps(body) + b"\n\n"

    def _text(self) -> str:
        """All of the answer so far."""
        return self._base + _followed(self._tokens).text


def _followed(entries: Iterable[Entry]) -> Result:
    result = Result()
    result.apply(entries)
    return result
