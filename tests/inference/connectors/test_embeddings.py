import asyncio
import base64
import json
import math
from array import array
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from chatbot.inference.connectors.embeddings import (
    BATCH_TEXTS,
    AsyncOpenAIEmbeddings,
    OpenAIEmbeddings,
)
from chatbot.inference.connectors.errors import (
    BadRequest,
    InferenceError,
    MalformedAnswer,
    PromptTooLong,
    ServerBusy,
    ServerFailed,
    ServerTimedOut,
)
from chatbot.inference.connectors.protocol import EndpointConfig
from tests.fakes.bag_of_words import DIMENSIONS, embedding
from tests.fakes.raw_server import Conversation, read_request, running_raw_server
from tests.inference.connectors.streams import say

if TYPE_CHECKING:
    from tests.fakes.scripted_server import ScriptedServer

Embed = Callable[..., Awaitable[list[list[float]]]]


async def embed_on_the_loop(base_url: str, texts: list[str], **options: Any) -> list[list[float]]:  # noqa: ANN401 - passed on
    return await AsyncOpenAIEmbeddings(EndpointConfig(base_url, "any"), **options).embed(texts)


async def embed_in_a_thread(base_url: str, texts: list[str], **options: Any) -> list[list[float]]:  # noqa: ANN401 - passed on
    client = OpenAIEmbeddings(EndpointConfig(base_url, "any"), **options)
    return await asyncio.to_thread(client.embed, texts)


def answering(*bodies: object) -> Conversation:
    """A server that answers every request with the next of the JSON bodies."""
    left = list(bodies)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_request(reader):
            await say(writer, json.dumps(left.pop(0)).encode(), kind="application/json")

    return answer


@pytest.mark.parametrize("embed", [embed_on_the_loop, embed_in_a_thread])
class TestEmbed:
    async def test_gives_a_vector_per_text_in_order(
        self, scripted_server: "ScriptedServer", embed: Embed
    ) -> None:
        texts = [f"text {number}" for number in range(BATCH_TEXTS * 2 + 3)]

        vectors = await embed(scripted_server.base_url, texts)

        assert vectors == [embedding(text).tolist() for text in texts]
        assert scripted_server.stats()["embedding_requests"] == 3

    async def test_asks_nobody_about_nothing(
        self, scripted_server: "ScriptedServer", embed: Embed
    ) -> None:
        assert await embed(scripted_server.base_url, []) == []
        assert scripted_server.stats()["embedding_requests"] == 0

    async def test_makes_vectors_of_unit_length(self, embed: Embed) -> None:
        body = {"data": [{"index": 0, "embedding": [3.0, 4.0]}]}

        async with running_raw_server(answering(body)) as base_url:
            vectors = await embed(base_url, ["text"])

        assert vectors == [[0.6, 0.8]]

    async def test_sorts_by_index(self, embed: Embed) -> None:
        body = {
            "data": [{"index": 1, "embedding": [0.0, 1.0]}, {"index": 0, "embedding": [1.0, 0.0]}]
        }

        async with running_raw_server(answering(body)) as base_url:
            vectors = await embed(base_url, ["first", "second"])

        assert vectors == [[1.0, 0.0], [0.0, 1.0]]

    async def test_asks_for_numbers_where_base64_is_refused(
        self, scripted_server: "ScriptedServer", embed: Embed
    ) -> None:
        scripted_server.script(refuses_base64=True)

        vectors = await embed(scripted_server.base_url, ["text"])

        assert vectors == [pytest.approx(embedding("text").tolist())]

    @pytest.mark.parametrize(
        ("status", "message", "kind"),
        [
            (400, "no", BadRequest),
            (400, "input length 900 is longer than the maximum of 512 tokens", PromptTooLong),
            (500, "input is too large to process. increase the physical batch size", PromptTooLong),
            (500, "no", ServerFailed),
            (503, "no", ServerBusy),
        ],
    )
    async def test_names_what_goes_wrong(
        self,
        scripted_server: "ScriptedServer",
        embed: Embed,
        status: int,
        message: str,
        kind: type[InferenceError],
    ) -> None:
        scripted_server.script(error_status=status, error_message=message)

        with pytest.raises(kind) as caught:
            await embed(scripted_server.base_url, ["text"])

        assert type(caught.value) is kind

    async def test_does_not_wait_for_ever(
        self, scripted_server: "ScriptedServer", embed: Embed
    ) -> None:
        scripted_server.script(embedding_delay_ms=3000)

        with pytest.raises(ServerTimedOut):
            await embed(scripted_server.base_url, ["text"], timeout_seconds=0.2)

    async def test_refuses_vectors_of_another_model(
        self, scripted_server: "ScriptedServer", embed: Embed
    ) -> None:
        with pytest.raises(MalformedAnswer, match=r"of \[384\] numbers instead of 1024"):
            await embed(scripted_server.base_url, ["text"], dimensions=1024)

    @pytest.mark.parametrize(
        "data",
        [
            [],
            [{"index": 1, "embedding": [1.0]}],
            [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}],
            [{"index": 0, "embedding": []}],
            [{"index": 0, "embedding": [0.0, 0.0]}],
            [{"index": 0, "embedding": ["one"]}],
            [{"index": 0, "embedding": "not base64!"}],
            [{"index": 0, "embedding": base64.b64encode(b"12345").decode()}],
            [
                {
                    "index": 0,
                    "embedding": base64.b64encode(array("f", [math.nan]).tobytes()).decode(),
                }
            ],
            [{"index": 0}],
            None,
        ],
        ids=[
            "too few",
            "wrong index",
            "too many",
            "empty",
            "no direction",
            "words",
            "no base64",
            "cut base64",
            "not a number",
            "no vector",
            "no data",
        ],
    )
    async def test_refuses_what_is_no_embedding(self, embed: Embed, data: object) -> None:
        async with running_raw_server(answering({"data": data})) as base_url:
            with pytest.raises(MalformedAnswer):
                await embed(base_url, ["text"])

    async def test_tries_a_stale_connection_again(self, embed: Embed) -> None:
        body = json.dumps({"data": [{"index": 0, "embedding": [1.0]}]}).encode()

        async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            await say(writer, body, kind="application/json")
            await read_request(reader)

        async with running_raw_server(answer_once) as base_url:
            await embed(base_url, ["text"])
            vectors = await embed(base_url, ["text"])

        assert vectors == [[1.0]]


class TestDimensions:
    async def test_are_known_after_the_first_answer(
        self, scripted_server: "ScriptedServer"
    ) -> None:
        client = AsyncOpenAIEmbeddings(EndpointConfig(scripted_server.base_url, "any"))

        before = client.dimensions
        await client.embed(["text"])

        assert (before, client.dimensions) == (None, DIMENSIONS)
