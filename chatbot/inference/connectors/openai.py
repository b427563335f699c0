"""Chat with an OpenAI-compatible server: vLLM, SGLang, TGI, llama.cpp, Ollama, gateways.

An answer is complete when the server gave a `finish_reason`, and by nothing else: `[DONE]` and a
clean end of the response also follow failures.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import httpx
import orjson

from chatbot.inference.connectors.errors import InferenceError, MalformedAnswer, ServerGone
from chatbot.inference.connectors.openai_chunks import ChunkReader
from chatbot.inference.connectors.overlap import Overlap
from chatbot.inference.connectors.protocol import (
    Capabilities,
    ChatRequest,
    EndpointConfig,
    Stopped,
    StreamItem,
    TextDelta,
)
from chatbot.inference.connectors.requests import endpoint_request, raise_unless_success
from chatbot.inference.connectors.served_models import list_models_async
from chatbot.inference.connectors.sse import EventTooLarge, SSEDecoder
from chatbot.inference.connectors.transport import async_client
from chatbot.inference.connectors.watched import StopAsked, WatchedResponse

USAGE_SECONDS = 2.0
"""For usage to arrive after the finish reason; the answer is complete without it."""


class OpenAIChat:
    """Chat at one endpoint; implements `ChatConnector`."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        self._endpoint = endpoint
        self._capabilities: Capabilities | None = None

    async def capabilities(self) -> Capabilities:
        if self._capabilities is None:
            models = await list_models_async(self._endpoint)
            continues = any(model.can_continue for model in models)
            self._capabilities = Capabilities(continues=continues)
        return self._capabilities

    async def stream(
        self, request: ChatRequest, *, stop: asyncio.Event
    ) -> AsyncGenerator[StreamItem, None]:
        if request.continue_text and not (await self.capabilities()).continues:
            raise ValueError("this server can't continue an answer")
        answer = _Answer(request)
        try:
            async with self._posted(answer.body(), stop) as response:
                await self._check(response)
                while not answer.reader.is_done and (piece := await response.read()):
                    for item in answer.items(piece):
                        response.made_progress(limit=self._endpoint.limits.between_tokens)
                        yield item
                    answer.hurry_to_end(response)
                await response.drain()
        except StopAsked:
            answer.is_stopped = True
        except InferenceError:
            if answer.reader.finished is None:
                raise
        for item in answer.end():
            yield item

    def _posted(self, body: bytes, stop: asyncio.Event) -> WatchedResponse:
        limits = self._endpoint.limits
        # Waiting for bytes is the watch's business; the read limit stands behind it.
        timeout = httpx.Timeout(limits.total, connect=limits.connect, pool=limits.connect)
        request = endpoint_request(
            self._endpoint, "chat/completions", content=body, timeout=timeout
        )
        return WatchedResponse(async_client(), request, stop=stop, limits=limits)

    async def _check(self, watched: WatchedResponse) -> None:
        response = watched.response
        body = b"" if response.is_success else await watched.read_error()
        raise_unless_success(self._endpoint, response, body)
        kind = response.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            raise MalformedAnswer(f"not an event stream but {kind or 'something without a type'}")


class _Answer:
    """One request and what came of it so far."""

    def __init__(self, request: ChatRequest) -> None:
        self.reader = ChunkReader()
        self.is_stopped = False
        self._request = request
        self._decoder = SSEDecoder()
        self._overlap = Overlap(request.continue_text or "")

    def body(self) -> bytes:
        request = self._request
        body: dict[str, Any] = {
            "model": request.model,
            "messages": list(request.messages),
            "max_tokens": request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if self._overlap.sent:
            body["messages"].append({"role": "assistant", "content": self._overlap.sent})
            body["continue_final_message"] = True
            body["add_generation_prompt"] = False
        return orjson.dumps(body)

    def items(self, piece: bytes) -> Iterator[StreamItem]:
        """Text and thoughts in the next bytes; what came before an error is given first."""
        try:
            events = self._decoder.feed(piece)
        except EventTooLarge as error:
            raise MalformedAnswer(str(error)) from error
        for event in events:
            item = self.reader.read(event)
            if isinstance(item, TextDelta):
                item = TextDelta(self._overlap.cut(item.text))
                if not item.text:
                    continue
            if item is not None:
                yield item

    def hurry_to_end(self, response: WatchedResponse) -> None:
        """Once the answer is complete, its usage is worth a short wait only."""
        if self.reader.finished is not None:
            response.made_progress(limit=USAGE_SECONDS)

    def end(self) -> Iterator[StreamItem]:
        """The last items."""
        if self.reader.finished is not None:
            if self.reader.usage is not None:
                yield self.reader.usage
            yield self.reader.finished
        elif self.is_stopped:
            yield Stopped()
        else:
            raise ServerGone("the response ended without a finish reason")
