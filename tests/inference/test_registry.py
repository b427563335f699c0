import asyncio
from typing import TYPE_CHECKING

import pytest

from chatbot.inference.connectors.protocol import ChatRequest, Finished, StreamLimits
from chatbot.inference.connectors.transport import close_client
from chatbot.inference.models import Protocol
from chatbot.inference.registry import (
    CHAT_CONNECTORS,
    async_embedding_client_for,
    connector_for,
    embedding_client_for,
    endpoint_config,
)
from tests.factories.inference import make_embedding_endpoint, make_endpoint
from tests.fakes.bag_of_words import embedding

if TYPE_CHECKING:
    from pytest_django import Settings

    from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.django_db


class TestEndpointConfig:
    def test_carries_the_key_and_hides_it(self) -> None:
        config = endpoint_config(make_endpoint(api_key="sesame"))

        assert config.api_key == "sesame"
        assert "sesame" not in repr(config)

    def test_waits_as_long_as_the_settings_say(self, settings: "Settings") -> None:
        settings.CHAT_FIRST_TOKEN_SECONDS = 7

        assert endpoint_config(make_endpoint()).limits.first_token == 7

    def test_waits_as_long_as_the_endpoint_says(self) -> None:
        endpoint = make_endpoint(
            connect_seconds=1, first_token_seconds=90, between_tokens_seconds=5, total_seconds=99
        )

        assert endpoint_config(endpoint).limits == StreamLimits(1, 90, 5, 99)


class TestConnectors:
    def test_speak_every_protocol(self) -> None:
        assert set(CHAT_CONNECTORS) == set(Protocol)

    def test_chat_at_the_endpoint(self, scripted_server: "ScriptedServer") -> None:
        endpoint = make_endpoint(base_url=scripted_server.base_url)
        request = ChatRequest(
            model="scripted", messages=[{"role": "user", "content": "Hi"}], max_tokens=5
        )

        async def ask() -> list[object]:
            stream = connector_for(endpoint).stream(request, stop=asyncio.Event())
            items: list[object] = [item async for item in stream]
            await close_client()
            return items

        assert asyncio.run(ask())[-1] == Finished("length")

    def test_embed_at_the_endpoint(self, scripted_server: "ScriptedServer") -> None:
        endpoint = make_embedding_endpoint(base_url=scripted_server.base_url)

        vectors = embedding_client_for(endpoint).embed(["text"])

        assert vectors == [embedding("text").tolist()]

    def test_embed_on_a_loop(self, scripted_server: "ScriptedServer") -> None:
        endpoint = make_embedding_endpoint(base_url=scripted_server.base_url)

        async def embed() -> list[list[float]]:
            vectors = await async_embedding_client_for(endpoint).embed(["text"])
            await close_client()
            return vectors

        assert asyncio.run(embed()) == [embedding("text").tolist()]
