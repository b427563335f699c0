"""Chat with a server that holds the conversation itself: one session for each of ours.

    POST {base}/session                 → {"id": …}
    POST {base}/session/{id}/message    {"providerID", "modelID", "parts"} → {"info", "parts"}

The answer comes whole. A session that is known is told only what is new, as long as it ends with
the answer that ours ends with; otherwise (an edited question, another process's session, one that
the server has lost) a new one is made and told the conversation as text.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

import httpx
import orjson

from chatbot.inference.connectors.errors import BadRequest, InferenceError, MalformedAnswer
from chatbot.inference.connectors.options import read_options
from chatbot.inference.connectors.posted import posted
from chatbot.inference.connectors.protocol import (
    Capabilities,
    ChatRequest,
    EndpointConfig,
    Message,
    ReasoningDelta,
    Stopped,
    StreamItem,
    TextDelta,
    UsageReport,
)
from chatbot.inference.connectors.reasons import finish_of
from chatbot.inference.connectors.requests import (
    endpoint_post,
    endpoint_request,
    raise_unless_success,
)
from chatbot.inference.connectors.sessions import KnownSession, SessionStore
from chatbot.inference.connectors.statuses import (
    HTTP_SERVER_ERROR,
    error_of_message,
    masked,
    message_of,
)
from chatbot.inference.connectors.transport import send_async
from chatbot.inference.connectors.watched import StopAsked, WatchedResponse

ANSWER_BYTES_LIMIT: Final = 4 * 1024 * 1024
ABORT_TIMEOUT: Final = httpx.Timeout(1.0)
HTTP_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class SessionOptions:
    provider: str = ""
    """`providerID`; empty: what stands before the first slash of the model's name."""


class SessionLost(Exception):
    """The server doesn't know the session any more."""


class SessionChat:
    """Chat at one endpoint; implements `ChatConnector`."""

    def __init__(self, endpoint: EndpointConfig, sessions: SessionStore) -> None:
        """Raises OptionsWrong."""
        limits = replace(endpoint.limits, first_token=endpoint.limits.total)
        self._endpoint = replace(endpoint, limits=limits)
        self._options = read_options(SessionOptions, endpoint.options)
        self._sessions = sessions

    async def capabilities(self) -> Capabilities:
        return Capabilities(
            streams=False, counts_tokens=True, context_tokens=self._endpoint.context_tokens
        )

    async def stream(
        self, request: ChatRequest, *, stop: asyncio.Event
    ) -> AsyncGenerator[StreamItem, None]:
        if request.continue_text:
            raise ValueError("this server can't continue an answer")
        if request.options.get("tools"):
            raise BadRequest("a server with sessions takes no tools")
        try:
            answer = await self._answer(request, stop)
        except StopAsked:
            yield Stopped()
            return
        for item in answer.items():
            yield item

    async def _answer(self, request: ChatRequest, stop: asyncio.Event) -> "_Answer":
        """The whole answer, from the known session or from a new one."""
        key = self._key(request)
        known = await self._sessions.get(key) if key else None
        if known is not None and known.last_answer == _digest(_last_answer(request.messages)):
            try:
                return await self._said(request, known.id, _newest(request.messages), stop)
            except SessionLost:
                await self._sessions.forget(key)
        session = await self._made(stop)
        try:
            return await self._said(request, session, request.messages, stop)
        except SessionLost as error:
            raise BadRequest(f"status {HTTP_NOT_FOUND} for a session just made") from error

    def _key(self, request: ChatRequest) -> str:
        """Of the conversation at this server; empty: there is none to remember."""
        if not request.conversation_key:
            return ""
        return _digest(f"{self._endpoint.base_url} {request.model} {request.conversation_key}")

    async def _made(self, stop: asyncio.Event) -> str:
        body = await self._posted("session", {}, stop)
        try:
            return str(orjson.loads(body)["id"])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise MalformedAnswer("this is no session") from error

    async def _said(
        self, request: ChatRequest, session: str, messages: Sequence[Message], stop: asyncio.Event
    ) -> "_Answer":
        """What the session answers; it is known from now on."""
        path = f"session/{quote(session, safe='')}"
        try:
            body = await self._posted(f"{path}/message", self._message(request, messages), stop)
            answer = _Answer(body, api_key=self._endpoint.api_key)
        except StopAsked:
            await self._abort(path)
            raise
        if key := self._key(request):
            await self._sessions.put(key, KnownSession(session, _digest(answer.text)))
        return answer

    def _message(self, request: ChatRequest, messages: Sequence[Message]) -> dict[str, Any]:
        provider, model = self._options.provider, request.model
        if not provider:
            provider, _, model = model.partition("/") if "/" in model else ("", "", model)
        parts = [{"type": "text", "text": text} for text in _texts(messages)]
        return {"providerID": provider, "modelID": model, "parts": parts}

    async def _abort(self, path: str) -> None:
        """Closing the connection doesn't end an answer over there; a word may."""
        request = endpoint_request(
            self._endpoint, f"{path}/abort", content=b"{}", timeout=ABORT_TIMEOUT
        )
        with contextlib.suppress(InferenceError):
            await send_async(request)

    async def _posted(self, path: str, content: Mapping[str, Any], stop: asyncio.Event) -> bytes:
        """The body of the response; raises StopAsked, SessionLost, InferenceError."""
        post, limits = (
            endpoint_post(self._endpoint, path, orjson.dumps(content)),
            self._endpoint.limits,
        )
        opened = partial(posted, post, connect_seconds=limits.connect)
        async with WatchedResponse(opened, stop=stop, limits=limits) as watched:
            response = watched.response
            if response.status_code == HTTP_NOT_FOUND and path != "session":
                raise SessionLost
            if not response.is_success:
                raise_unless_success(self._endpoint, response, await watched.read_error())
            body = bytearray()
            while piece := await watched.read():
                body += piece
                if len(body) > ANSWER_BYTES_LIMIT:
                    raise MalformedAnswer(f"an answer of more than {ANSWER_BYTES_LIMIT} bytes")
            return bytes(body)


class _Answer:
    """A message of the assistant, as parts."""

    def __init__(self, body: bytes, *, api_key: str) -> None:
        """Raises MalformedAnswer, or the InferenceError that the message tells of.

        A server that repeats the key isn't quoted.
        """
        try:
            said = orjson.loads(body)
            info, parts = said.get("info") or {}, said["parts"]
            if error := info.get("error"):
                message = masked(message_of(orjson.dumps(error["data"])), api_key)
                raise error_of_message(HTTP_SERVER_ERROR, message)
            self.text = "".join(part["text"] for part in parts if part["type"] == "text")
            self._thoughts = [part["text"] for part in parts if part["type"] == "reasoning"]
            self._finished = finish_of(_reason_in(parts))
            self._usage = _usage_in(info.get("tokens"))
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise MalformedAnswer(f"{type(error).__name__}: {error}") from error

    def items(self) -> Iterator[StreamItem]:
        yield from map(ReasoningDelta, self._thoughts)
        if self.text:
            yield TextDelta(self.text)
        if self._usage is not None:
            yield self._usage
        yield self._finished


def _reason_in(parts: list[dict[str, Any]]) -> str:
    said = [part.get("reason") for part in parts if part["type"] == "step-finish"]
    return (said[-1] if said else None) or "stop"


def _usage_in(tokens: Mapping[str, Any] | None) -> UsageReport | None:
    if not tokens:
        return None
    return UsageReport(tokens.get("input") or 0, tokens.get("output") or 0)


def _newest(messages: Sequence[Message]) -> list[Message]:
    """What the session doesn't know: the instructions of now, and the last message."""
    return [*(one for one in messages if one["role"] == "system"), messages[-1]]


def _texts(messages: Sequence[Message]) -> list[str]:
    """Instructions, the conversation so far, and the last message; those that there are."""
    system = "\n\n".join(one["content"] for one in messages if one["role"] == "system")
    *before, last = [one for one in messages if one["role"] != "system"]
    said = "\n\n".join(f"{one['role'].title()}: {one['content']}" for one in before)
    so_far = f"The conversation so far:\n\n{said}" if said else ""
    return [text for text in (system, so_far, last["content"]) if text.strip()]


def _last_answer(messages: Sequence[Message]) -> str:
    """Empty: there is none, so nothing that is known can fit."""
    return next((one["content"] for one in reversed(messages) if one["role"] == "assistant"), "")


def _digest(text: str) -> str:
    return sha256(text.strip().encode()).hexdigest()
