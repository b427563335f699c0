"""Answers that come as a stream of events: what connectors of this kind have in common.

The events are server-sent ones over HTTP, or gRPC's messages.

A connector says how a request looks and how an event reads; sending, stopping, limits and the order
of the items are here.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from functools import partial
from typing import Protocol

from chatbot.inference.connectors.errors import InferenceError, MalformedAnswer, ServerGone
from chatbot.inference.connectors.overlap import Overlap
from chatbot.inference.connectors.posted import posted
from chatbot.inference.connectors.protocol import (
    Capabilities,
    ChatRequest,
    EndpointConfig,
    Finished,
    Stopped,
    StreamItem,
    TextDelta,
    UsageReport,
)
from chatbot.inference.connectors.requests import endpoint_post, raise_unless_success
from chatbot.inference.connectors.sse import EventTooLarge, ServerSentEvent, SSEDecoder
from chatbot.inference.connectors.watched import StopAsked, Streamed, WatchedResponse

USAGE_SECONDS = 2.0
"""For usage to arrive after the finish reason; the answer is complete without it."""


class EventReader(Protocol):
    """Reads the events of one answer."""

    finished: Finished | None
    """Why it ended, once the server said so."""
    usage: UsageReport | None
    is_done: bool
    """Nothing of interest follows."""
    others: list[StreamItem]
    """What the last event had beside text; whoever takes it empties it."""

    def read(self, event: ServerSentEvent) -> str:
        """The text in the event, or nothing.

        Raises:
            InferenceError: the event is none of this protocol's, or tells of a failure.
        """
        ...

    def end_of_response(self) -> None:
        """The server has ended the response in good order."""
        ...


class EventDecoder(Protocol):
    """Finds the events of one response in its bytes."""

    def feed(self, piece: bytes) -> Iterable[ServerSentEvent]:
        """The events that the piece completes; raises EventTooLarge or InferenceError."""
        ...


class EventStreamChat(ABC):
    """Chat at one endpoint; implements `ChatConnector`."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        self._endpoint = endpoint

    @abstractmethod
    async def capabilities(self) -> Capabilities: ...

    @abstractmethod
    def _request(self, request: ChatRequest, *, begun: str) -> tuple[str, bytes]:
        """Path and body. `begun`: the beginning of the answer that is to be continued, or empty."""

    @abstractmethod
    def _reader(self) -> EventReader: ...

    def _answer(self, continue_text: str) -> "StreamedAnswer":
        return StreamedAnswer(self._reader(), continue_text)

    def _headers(self) -> Mapping[str, str] | None:
        """In the place of the bearer token."""
        return None

    async def stream(
        self, request: ChatRequest, *, stop: asyncio.Event
    ) -> AsyncGenerator[StreamItem, None]:
        if request.continue_text and not (await self.capabilities()).continues:
            raise ValueError("this server can't continue an answer")
        answer = self._answer(request.continue_text or "")
        path, body = self._request(request, begun=answer.overlap.sent)
        try:
            async with self._posted(path, body, stop) as response:
                await self._check(response)
                while not answer.reader.is_done and (piece := await response.read()):
                    for item in answer.items(piece):
                        response.made_progress(limit=self._endpoint.limits.between_tokens)
                        yield item
                    await self._before_next(answer, response)
                answer.end_of(response.response)
                await response.drain()
        except StopAsked:
            answer.is_stopped = True
        except InferenceError:
            if answer.reader.finished is None:
                raise
        for item in answer.end():
            yield item

    async def _before_next(self, answer: "StreamedAnswer", response: WatchedResponse) -> None:
        if answer.is_complete:
            # Its usage is worth a short wait only.
            response.made_progress(limit=USAGE_SECONDS)
        elif answer.has_begun:
            await response.gather()

    def _posted(self, path: str, body: bytes, stop: asyncio.Event) -> WatchedResponse:
        post = endpoint_post(self._endpoint, path, body, headers=self._headers())
        limits = self._endpoint.limits
        opened = partial(posted, post, connect_seconds=limits.connect)
        return WatchedResponse(opened, stop=stop, limits=limits)

    async def _check(self, watched: WatchedResponse) -> None:
        response = watched.response
        body = b"" if response.is_success else await watched.read_error()
        raise_unless_success(self._endpoint, response, body)
        kind = response.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            raise MalformedAnswer(f"not an event stream but {kind or 'something without a type'}")


class StreamedAnswer:
    """What came of one request so far."""

    def __init__(
        self,
        reader: EventReader,
        continue_text: str,
        decoder: EventDecoder | None = None,
    ) -> None:
        self.reader = reader
        self.overlap = Overlap(continue_text)
        self.is_stopped = False
        self.has_begun = False
        """Whether there was any item yet."""
        self._decoder = decoder or SSEDecoder()
        self._texts: list[str] = []

    def items(self, piece: bytes) -> Iterator[StreamItem]:
        """What is in the next bytes; what came before an error is given first."""
        try:
            events = self._decoder.feed(piece)
        except EventTooLarge as error:
            raise MalformedAnswer(str(error)) from error
        try:
            for event in events:
                text = self.reader.read(event)
                if self.reader.others:
                    yield from self._gathered()
                    self.has_begun = True
                    yield from self.reader.others
                    self.reader.others.clear()
                if text and (text := self.overlap.cut(text)):
                    self._texts.append(text)
        except InferenceError:
            yield from self._gathered()
            raise
        yield from self._gathered()

    @property
    def is_complete(self) -> bool:
        return self.reader.finished is not None

    def end_of(self, response: Streamed) -> None:
        """The response has ended; whether in good order can be told of framed ones only."""
        if "transfer-encoding" in response.headers or "content-length" in response.headers:
            self.reader.end_of_response()

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

    def _gathered(self) -> Iterator[TextDelta]:
        """Texts that came one after the other, as one."""
        if self._texts:
            self.has_begun = True
            yield TextDelta("".join(self._texts), len(self._texts))
            self._texts.clear()
