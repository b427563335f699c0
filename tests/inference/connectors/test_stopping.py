"""A stop ends a stream at once, at any moment; and no way of leaving one leaks its connection."""

import asyncio
import contextlib
import random
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio

from chatbot.inference.connectors import transport
from chatbot.inference.connectors.errors import ServerGone
from chatbot.inference.connectors.openai import OpenAIChat
from chatbot.inference.connectors.protocol import (
    Finished,
    Stopped,
    StreamItem,
    StreamLimits,
    TextDelta,
)
from tests.fakes.script import generated
from tests.inference.connectors.streams import (
    PATIENT,
    collect,
    collect_until_error,
    connector,
    question,
    text_of,
)

if TYPE_CHECKING:
    from tests.fakes.scripted_server import ScriptedServer

AT_ONCE_SECONDS = 5.0
"""The server would take nine or more, the limits a minute; a busy machine takes its time too."""
POOL_CONNECTIONS = 10
STREAMS_AT_ONCE = 8
ROUNDS = 50


@pytest_asyncio.fixture
async def deaf_server() -> AsyncIterator[str]:
    """A server with a full backlog: connections to it are never made."""
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(2):
            client = waiting.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


class TestStop:
    @pytest.mark.parametrize(
        ("script", "text"),
        [
            ({"delay_ms": 9000, "late_headers": True}, ""),
            ({"delay_ms": 9000}, ""),
            ({"rate": 0.1}, generated(1)),
            ({"stall_after": 3}, generated(3)),
        ],
        ids=["before the first byte", "before the first token", "between tokens", "on a stall"],
    )
    async def test_ends_the_answer_at_once(
        self, scripted_server: "ScriptedServer", script: dict[str, object], text: str
    ) -> None:
        scripted_server.script(**script)
        stop = asyncio.Event()
        chat = connector(scripted_server.base_url, limits=PATIENT)
        items: list[StreamItem] = []
        answer = asyncio.create_task(take(chat.stream(question(), stop=stop), items))
        await until_asked(scripted_server)
        await soon(lambda: text_of(items) == text)

        began = time.monotonic()
        stop.set()
        await answer
        seconds = time.monotonic() - began

        assert text_of(items) == text
        assert items[-1] == Stopped()
        assert seconds < AT_ONCE_SECONDS

    async def test_reaches_the_server(self, scripted_server: "ScriptedServer") -> None:
        scripted_server.script(stall_after=3)
        stop = asyncio.Event()
        chat = connector(scripted_server.base_url, limits=PATIENT)
        answer = asyncio.create_task(collect(chat, question(), stop=stop))
        await until_asked(scripted_server)

        stop.set()
        await answer

        await soon(lambda: scripted_server.stats()["aborted"] == 1)

    async def test_ends_a_connection_that_is_being_made(self, deaf_server: str) -> None:
        stop = asyncio.Event()
        chat = connector(deaf_server, limits=PATIENT)
        asyncio.get_running_loop().call_later(0.2, stop.set)

        began = time.monotonic()
        items = await collect(chat, question(), stop=stop)

        assert items == [Stopped()]
        assert time.monotonic() - began < 0.2 + AT_ONCE_SECONDS

    async def test_asks_nobody_when_it_comes_first(self, scripted_server: "ScriptedServer") -> None:
        stop = asyncio.Event()
        stop.set()

        items = await collect(connector(scripted_server.base_url), question(), stop=stop)

        assert items == [Stopped()]
        assert scripted_server.stats()["chat_requests"] == 0

    async def test_ends_what_has_come_but_was_not_read(
        self, scripted_server: "ScriptedServer"
    ) -> None:
        scripted_server.script(tokens=1000, rate=200)
        stop = asyncio.Event()
        received = []

        async with aclosing(
            connector(scripted_server.base_url).stream(question(max_tokens=1000), stop=stop)
        ) as items:
            async for item in items:
                received.append(item)
                stop.set()
                await asyncio.sleep(0.05)

        assert received[-1] == Stopped()
        assert len(received) < 500

    async def test_comes_too_late_for_a_complete_answer(
        self, scripted_server: "ScriptedServer"
    ) -> None:
        scripted_server.script(tokens=2)
        stop = asyncio.Event()
        received = []

        async with aclosing(
            connector(scripted_server.base_url).stream(question(), stop=stop)
        ) as items:
            async for item in items:
                received.append(item)
                await asyncio.sleep(0.05)
                stop.set()

        assert received[-1] in {Finished("stop"), Stopped()}


class TestConnecting:
    async def test_is_given_up_after_its_limit(self, deaf_server: str) -> None:
        chat = connector(deaf_server, limits=StreamLimits(connect=0.3))

        began = time.monotonic()
        _, error = await collect_until_error(chat, question())

        assert type(error) is ServerGone
        assert time.monotonic() - began < StreamLimits().connect


async def stop_it(chat: OpenAIChat, seconds: float) -> str:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    items = await collect(chat, question(), stop=stop)
    return type(items[-1]).__name__


async def cancel_it(chat: OpenAIChat, seconds: float) -> str:
    task = asyncio.create_task(collect(chat, question()))
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.wait({task})
    return "Cancelled" if task.cancelled() else type(task.result()[-1]).__name__


async def leave_it(chat: OpenAIChat, seconds: float) -> str:
    """Closes the iterator in the middle."""
    async with aclosing(chat.stream(question(), stop=asyncio.Event())) as items:
        async for item in items:
            await asyncio.sleep(seconds)
            return type(item).__name__
    return "Nothing"


class TestLeavingStreams:
    """Several hundred at random moments, on few connections."""

    @pytest.mark.parametrize("leave", [stop_it, cancel_it, leave_it])
    @pytest.mark.parametrize(
        "script",
        [
            {"delay_ms": 4, "rate": 3000},
            {"delay_ms": 12, "rate": 3000, "late_headers": True},
        ],
        ids=["early headers", "late headers"],
    )
    async def test_leaks_no_connection(
        self,
        scripted_server: "ScriptedServer",
        monkeypatch: pytest.MonkeyPatch,
        leave: Callable[[OpenAIChat, float], Awaitable[str]],
        script: dict[str, object],
    ) -> None:
        monkeypatch.setattr(transport, "_LIMITS", httpx.Limits(max_connections=POOL_CONNECTIONS))
        scripted_server.script(**script)
        chat = connector(scripted_server.base_url, limits=PATIENT)
        moments = random.Random(9)  # noqa: S311 - moments, not secrets
        outcomes: Counter[str] = Counter()

        for _ in range(ROUNDS):
            outcomes.update(
                await asyncio.gather(
                    *(leave(chat, 0.04 * moments.random() ** 3) for _ in range(STREAMS_AT_ONCE))
                )
            )
        scripted_server.script(stall_after=1)
        together = asyncio.Barrier(POOL_CONNECTIONS)
        firsts = await asyncio.gather(*(first_of(chat, together) for _ in range(POOL_CONNECTIONS)))

        assert outcomes.total() == ROUNDS * STREAMS_AT_ONCE
        assert outcomes["Finished"] < outcomes.total() / 2
        assert [type(item) for item in firsts] == [TextDelta] * POOL_CONNECTIONS


async def first_of(chat: OpenAIChat, together: asyncio.Barrier) -> object:
    """The first item of a stream that is then held open until all have one."""
    stream = chat.stream(question(), stop=asyncio.Event())
    async with asyncio.timeout(20), aclosing(stream) as items:
        first = await anext(items)
        await together.wait()
        return first


async def take(stream: AsyncIterator[StreamItem], items: list[StreamItem]) -> None:
    """Adds the items as they come."""
    async for item in stream:
        items.append(item)  # noqa: PERF401 - somebody looks at the list meanwhile


async def until_asked(server: "ScriptedServer") -> None:
    await soon(lambda: server.stats()["chat_requests"] == 1)


async def soon(is_true: Callable[[], bool]) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(20):
        while not is_true():  # noqa: ASYNC110 - nobody sets an event for a test
            await asyncio.sleep(0.02)
