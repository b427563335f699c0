import asyncio
from typing import TYPE_CHECKING

import pytest

from chatbot.inference.connectors.protocol import EndpointConfig
from chatbot.inference.connectors.server_queue import server_queue
from chatbot.inference.connectors.transport import close_client

if TYPE_CHECKING:
    from tests.fakes.scripted_server import ScriptedServer


def queue_at(base_url: str) -> int | None:
    async def ask() -> int | None:
        queue = await server_queue(EndpointConfig(base_url=base_url, model="scripted"))
        await close_client()
        return queue

    return asyncio.run(ask())


class TestServerQueue:
    @pytest.mark.parametrize("waiting", [1, 7, 1200])
    def test_is_the_sum_over_the_engines(
        self, waiting: int, scripted_server: "ScriptedServer"
    ) -> None:
        scripted_server.script(queue=waiting)

        assert queue_at(scripted_server.base_url) == waiting

    def test_is_not_known_where_the_server_does_not_tell(
        self, scripted_server: "ScriptedServer"
    ) -> None:
        assert queue_at(scripted_server.base_url) is None

    def test_is_not_known_where_nobody_listens(self) -> None:
        assert queue_at("http://127.0.0.1:1/v1") is None
