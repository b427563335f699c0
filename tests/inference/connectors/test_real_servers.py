"""The connectors against the servers of the embedded stack: a real llama.cpp, real embeddings."""

import asyncio
import contextlib
import math
import operator
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from chatbot.inference.connectors.embeddings import AsyncOpenAIEmbeddings
from chatbot.inference.connectors.errors import InferenceError, PromptTooLong
from chatbot.inference.connectors.protocol import (
    EndpointConfig,
    Finished,
    Stopped,
    UsageReport,
)
from chatbot.inference.connectors.served_models import list_models
from tests.inference.connectors.streams import (
    collect,
    collect_until_error,
    connector,
    question,
    text_of,
)
from tests.servers import free_port, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LOAD_SECONDS = 60
AT_ONCE_SECONDS = 1.5
"""Reading the prompt takes several times as long, on any machine."""


def served(module: str) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", module, "--port", str(port)]
    with running(command, port=port, stop_signal=signal.SIGTERM):
        base_url = f"http://127.0.0.1:{port}/v1"
        wait_until_loaded(base_url)
        yield base_url


def wait_until_loaded(base_url: str) -> None:
    """llama.cpp listens, and says that it is busy, while it loads the weights."""
    deadline = time.monotonic() + LOAD_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(InferenceError):
            list_models(EndpointConfig(base_url, "any"))
            return
        time.sleep(0.1)
    raise AssertionError("the server did not load its weights")


@pytest.fixture(scope="module")
def llama() -> Iterator[str]:
    yield from served("chatbot.embedded.chat_model")


@pytest.fixture(scope="module")
def embedder() -> Iterator[str]:
    yield from served("chatbot.embedded.embedding_model")


class TestLlamaCpp:
    async def test_streams_an_answer(self, llama: str) -> None:
        items = await collect(connector(llama), question("Say hello to Anna."))

        assert "Anna" in text_of(items)
        assert isinstance(items[-2], UsageReport)
        assert items[-2].prompt_tokens > 5
        assert items[-1] == Finished("stop")

    async def test_tells_what_it_can_do(self, llama: str) -> None:
        capabilities = await connector(llama).capabilities()

        assert capabilities.continues
        assert capabilities.counts_tokens
        assert capabilities.context_tokens is not None
        assert 1024 <= capabilities.context_tokens <= 8192

    async def test_passes_options_on(self, llama: str) -> None:
        request = question("Say: one two three four", options={"stop": [" two"]})

        items = await collect(connector(llama), request)

        assert " two" not in text_of(items)
        assert items[-1] == Finished("stop")

    async def test_ends_at_the_limit(self, llama: str) -> None:
        items = await collect(connector(llama), question("Count to one hundred.", max_tokens=5))

        assert items[-1] == Finished("length")

    async def test_continues_an_answer(self, llama: str) -> None:
        begun = "The capital of France is"
        chat = connector(llama)

        items = await collect(
            chat, question("What is the capital of France?", max_tokens=12, continue_text=begun)
        )

        assert text_of(items).startswith(" Paris")

    async def test_answers_several_at_once_and_again(self, llama: str) -> None:
        chat = connector(llama)

        for _ in range(3):
            answers = await asyncio.gather(
                *(collect(chat, question(f"Say {word}.", max_tokens=8)) for word in ("one", "two"))
            )
            assert [type(items[-1]) for items in answers] == [Finished] * 2

    async def test_stops_at_once_before_the_first_byte(self, llama: str) -> None:
        stop = asyncio.Event()
        request = question("word " * 1500, max_tokens=400)
        answer = asyncio.create_task(collect(connector(llama), request, stop=stop))
        await asyncio.sleep(0.3)

        began = time.monotonic()
        stop.set()
        items = await answer

        assert items == [Stopped()]
        assert time.monotonic() - began < AT_ONCE_SECONDS

    async def test_says_that_a_prompt_is_too_long(self, llama: str) -> None:
        _, error = await collect_until_error(connector(llama), question("word " * 6000))

        assert type(error) is PromptTooLong


class TestEmbeddingModel:
    async def test_puts_similar_texts_near(self, embedder: str) -> None:
        client = AsyncOpenAIEmbeddings(EndpointConfig(embedder, "any"))

        query, near, far = await client.embed(
            [
                "How long may I return a product?",
                "Purchases can be sent back within fourteen days.",
                "The brainstem controls breathing.",
            ]
        )

        assert client.dimensions == len(query)
        assert math.isclose(math.hypot(*query), 1, rel_tol=1e-3)
        assert sum(map(operator.mul, query, near)) > sum(map(operator.mul, query, far))

    async def test_keeps_the_order_of_many_texts(self, embedder: str) -> None:
        client = AsyncOpenAIEmbeddings(EndpointConfig(embedder, "any"))
        texts = [f"This is text number {number}." for number in range(70)]

        vectors = await client.embed(texts)
        alone = await client.embed([texts[66]])

        assert len(vectors) == 70
        assert sum(map(operator.mul, vectors[66], alone[0])) > 0.999
