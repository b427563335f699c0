"""The client against the embedding server of the embedded stack."""

import contextlib
import math
import operator
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from chatbot.inference.connectors.embeddings import AsyncOpenAIEmbeddings
from chatbot.inference.connectors.errors import InferenceError
from chatbot.inference.connectors.protocol import EndpointConfig
from chatbot.inference.connectors.served_models import list_models
from tests.servers import free_port, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LOAD_SECONDS = 60


@pytest.fixture(scope="module")
def embedder() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "chatbot.embedded.embedding_model", "--port", str(port)]
    with running(command, port=port, stop_signal=signal.SIGTERM):
        base_url = f"http://127.0.0.1:{port}/v1"
        wait_until_loaded(base_url)
        yield base_url


def wait_until_loaded(base_url: str) -> None:
    deadline = time.monotonic() + LOAD_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(InferenceError):
            list_models(EndpointConfig(base_url, "any"))
            return
        time.sleep(0.1)
    raise AssertionError("the server did not load its weights")


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
