"""One scripted answer on its way to the client, as an OpenAI-compatible server sends it.

Other protocols are subclasses that write the same script in their own words.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from tests.fakes.script import Script, tokens_of

ASGIMessage = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[ASGIMessage]]
Send = Callable[[ASGIMessage], Awaitable[None]]
Write = Callable[[bytes], Awaitable[None]]

CHAT_MODEL = "scripted"
CUT_BYTES = 3
ARGUMENT_CHARACTERS = 4
FLUSH_SECONDS = 0.02

_SSE = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
_HEAD = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"scripted",'
_DONE = b"data: [DONE]\n\n"


class Cut(Exception):
    """The script says that the connection breaks here; uvicorn cuts it on an unknown exception."""


class Refused(Exception):
    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


def said(message: Mapping[str, Any]) -> str:
    """The text of a message, without pictures."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part["type"] == "text")


@dataclass(slots=True)
class Stats:
    chat_requests: int = 0
    sessions_made: int = 0
    aborts_asked: int = 0
    running: int = 0
    finished: int = 0
    aborted: int = 0
    """The client went away before the end."""
    tokens_sent: int = 0
    embedding_requests: int = 0
    texts_embedded: int = 0


class Answer:
    """One answer on its way."""

    def __init__(self, script: Script, request: Mapping[str, Any], stats: Stats) -> None:
        self.script = script
        self.stats = stats
        self.is_streamed = bool(request.get("stream"))
        self.wants_usage = bool((request.get("stream_options") or {}).get("include_usage"))
        tokens = tokens_of(_rest_of_answer(script, request))
        limit = request.get("max_completion_tokens") or request.get("max_tokens") or len(tokens)
        self.tokens = tokens[:limit]
        self.finish_reason = script.finish_reason if len(tokens) <= limit else "length"
        if script.tool_calls:
            self.finish_reason = "tool_calls"
        words = sum(len(said(message).split()) for message in request["messages"])
        self.usage = {
            "prompt_tokens": words,
            "completion_tokens": len(self.tokens),
            "total_tokens": words + len(self.tokens),
        }

    @staticmethod
    def question(request: Mapping[str, Any]) -> str:
        """What was asked last; a directive may stand in it."""
        asked = [message for message in request["messages"] if message["role"] == "user"]
        return said(asked[-1]) if asked else ""

    async def whole(self, send: Send) -> None:
        script = self.script
        seconds = len(self.tokens) / script.rate if script.rate else 0
        await asyncio.sleep(script.delay_ms / 1000 + seconds)
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self.tokens)}
        if script.tool_calls:
            message["tool_calls"] = [
                {"id": f"call-{index}", "type": "function", "function": call}
                for index, call in enumerate(script.tool_calls)
            ]
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        answer = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": CHAT_MODEL,
            "choices": [choice],
            "usage": self.usage,
        }
        await send_json(send, answer)

    async def stream(self, send: Send) -> None:
        script = self.script
        start = {"type": "http.response.start", "status": 200, "headers": _SSE}
        if not script.late_headers:
            await send(start)
            await send({"type": "http.response.body", "body": b": hello\n\n", "more_body": True})
        await asyncio.sleep(script.delay_ms / 1000)
        if script.late_headers:
            await send(start)
        write = _cutting(send) if script.cut_utf8 else _writing(send)
        for event in self._beginning():
            await write(event)
        if await self._send_tokens(write):
            for event in self._ending():
                await write(event)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_tokens(self, write: Write) -> bool:
        """False: the script ends the response here."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        script = self.script
        for number, token in enumerate(self.tokens):
            if await self._happens(number, write):
                return False
            if script.rate and (early := began + number / script.rate - loop.time()) > 0:
                await asyncio.sleep(early)
            await write(self._token(token))
            self.stats.tokens_sent += 1
        return not await self._happens(len(self.tokens), write)

    async def _happens(self, number: int, write: Write) -> bool:
        script = self.script
        if number == script.die_after:
            # Clients drop what they haven't read yet when a connection breaks.
            await asyncio.sleep(FLUSH_SECONDS)
            raise Cut
        if number == script.stall_after:
            await asyncio.Event().wait()
        if number == script.malformed_after:
            await write(self.MALFORMED)
        if number == script.error_in_stream_after:
            await write(self._error(script.error_message))
            return True
        return number == script.end_after

    # --- the protocol's words ---

    MALFORMED: ClassVar[bytes] = b'data: {"choices":[{"delta":{"content"\n\n'

    def _beginning(self) -> Iterator[bytes]:
        yield _chunk({"role": "assistant", "content": ""})
        if self.script.reasoning:
            yield _chunk({self.script.reasoning_field: self.script.reasoning})

    def _token(self, token: str) -> bytes:
        return b"".join(
            (
                _HEAD,
                b'"choices":[{"index":0,"delta":{"content":',
                orjson.dumps(token),
                b'},"finish_reason":null}]}\n\n',
            )
        )

    def _error(self, message: str) -> bytes:
        error = {"message": message, "type": "InternalServerError", "code": 500}
        return b"data: " + orjson.dumps({"error": error}) + b"\n\n" + _DONE

    def _ending(self) -> Iterator[bytes]:
        for piece in pieces_of_calls(self.script):
            yield _chunk({"tool_calls": [piece]})
        if not self.script.no_finish_reason:
            yield _chunk({}, finish_reason=self.finish_reason)
        if self.wants_usage and not self.script.no_usage:
            usage = orjson.dumps({"choices": [], "usage": self.usage})
            yield _HEAD + usage[1:] + b"\n\n"
        yield _DONE


def pieces_of_calls(script: Script) -> Iterator[dict[str, Any]]:
    """As vLLM sends them: the name first, then the arguments bit by bit."""
    for index, call in enumerate(script.tool_calls):
        function = {"name": call["name"], "arguments": ""}
        yield {"index": index, "id": f"call-{index}", "type": "function", "function": function}
        arguments = call["arguments"]
        for start in range(0, len(arguments), ARGUMENT_CHARACTERS):
            piece = arguments[start : start + ARGUMENT_CHARACTERS]
            yield {"index": index, "function": {"arguments": piece}}


def _rest_of_answer(script: Script, request: Mapping[str, Any]) -> str:
    answer = script.answer()
    last = request["messages"][-1]
    if not request.get("continue_final_message"):
        return answer
    if last["role"] != "assistant" or request.get("add_generation_prompt", True):
        raise Refused(400, "continue_final_message needs a last message of the assistant")
    if not answer.startswith(last["content"]):
        raise Refused(400, "the last message is not the beginning of the scripted answer")
    return answer[len(last["content"]) :]


async def send_json(
    send: Send, body: object, *, status: int = 200, headers: dict[str, str] | None = None
) -> None:
    sent = {"content-type": "application/json", **(headers or {})}
    raw = [(name.encode(), value.encode()) for name, value in sent.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": orjson.dumps(body), "more_body": False})


def _chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _HEAD + orjson.dumps({"choices": [choice]})[1:] + b"\n\n"


def _writing(send: Send) -> Write:
    async def write(data: bytes) -> None:
        await send({"type": "http.response.body", "body": data, "more_body": True})

    return write


def _cutting(send: Send) -> Write:
    async def write(data: bytes) -> None:
        for start in range(0, len(data), CUT_BYTES):
            piece = data[start : start + CUT_BYTES]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0)

    return write
