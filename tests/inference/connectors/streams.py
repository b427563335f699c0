"""Asking a connector in tests."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from chatbot.inference.connectors.errors import InferenceError
from chatbot.inference.connectors.openai import OpenAIChat
from chatbot.inference.connectors.protocol import (
    ChatConnector,
    ChatRequest,
    EndpointConfig,
    StreamItem,
    StreamLimits,
    TextDelta,
)
from chatbot.inference.registry import CHAT_CONNECTORS

CHUNK = b'data: {"choices": [{"delta": {"content": "%b"}, "finish_reason": %b}]}\n\n'
COMPLETE = (CHUNK % (b"Hi", b"null"), CHUNK % (b"", b'"stop"'), b"data: [DONE]\n\n")
"""A whole answer, as pieces of a chunked response."""
PATIENT = StreamLimits()
"""A busy machine is no reason for a test to fail."""
SHORT = StreamLimits(first_token=0.4)
SHORT_BETWEEN = StreamLimits(between_tokens=1.0)


def connector(
    base_url: str,
    *,
    limits: StreamLimits = PATIENT,
    api_key: str = "",
    context_tokens: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> OpenAIChat:
    config = EndpointConfig(
        base_url=base_url,
        model="any",
        api_key=api_key,
        limits=limits,
        context_tokens=context_tokens,
        options=options or {},
    )
    return OpenAIChat(config)


PATHS = {
    "openai": "/v1",
    "anthropic": "/v1",
    "kserve-http": "/v2",
    "kserve-grpc": "",
    "session": "",
}


def connector_of(
    protocol: str,
    address: str,
    *,
    limits: StreamLimits = PATIENT,
    api_key: str = "",
    options: Mapping[str, Any] | None = None,
) -> ChatConnector:
    """A connector of the protocol at a server's address."""
    if protocol == "kserve-grpc":
        address = address.replace("http", "grpc", 1)
    config = EndpointConfig(
        base_url=address + PATHS[protocol],
        model="any",
        api_key=api_key,
        limits=limits,
        protocol=protocol,
        options=options or {},
    )
    return CHAT_CONNECTORS[protocol](config)


def question(
    text: str = "Why?",
    *,
    max_tokens: int = 500,
    continue_text: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> ChatRequest:
    return ChatRequest(
        model="any",
        messages=[{"role": "user", "content": text}],
        max_tokens=max_tokens,
        temperature=0.0,
        continue_text=continue_text,
        options=options or {},
    )


async def collect(
    chat: ChatConnector, request: ChatRequest, *, stop: asyncio.Event | None = None
) -> list[StreamItem]:
    """All items; an error ends the test."""
    return [item async for item in chat.stream(request, stop=stop or asyncio.Event())]


async def collect_until_error(
    chat: ChatConnector, request: ChatRequest
) -> tuple[str, InferenceError]:
    """The text that came, and the error that ended it."""
    text = ""
    try:
        async with aclosing(chat.stream(request, stop=asyncio.Event())) as items:
            async for item in items:
                text += item.text if isinstance(item, TextDelta) else ""
    except InferenceError as error:
        return text, error
    raise AssertionError("the stream ended without an error")


def text_of(items: list[StreamItem]) -> str:
    return "".join(item.text for item in items if isinstance(item, TextDelta))


async def say(
    writer: asyncio.StreamWriter,
    *pieces: bytes,
    kind: str = "text/event-stream",
    ends: bool = True,
    pause: float = 0.0,
) -> None:
    """A chunked response; `pause` seconds before each piece."""
    writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n".encode())
    writer.write(b"transfer-encoding: chunked\r\n\r\n")
    for piece in pieces:
        await asyncio.sleep(pause)
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    writer.write(b"0\r\n\r\n" if ends else b"")
    await writer.drain()
