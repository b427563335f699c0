"""llama.cpp's server, as the embedded stack starts it, under the connector and the chat service."""

from collections.abc import Iterator

import pytest

from tests.acceptance.model_server_tests import ChatServiceTests, ConnectorTests
from tests.acceptance.model_servers import ModelServer, ask, llama_cpp
from tests.inference.connectors.streams import collect, text_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with llama_cpp(tmp_path_factory.mktemp("llama.cpp")) as server:
        yield server


@pytest.fixture
def server(started: ModelServer) -> ModelServer:
    started.ensure_running()
    return started


class TestConnector(ConnectorTests):
    async def test_leaves_out_tools_that_the_models_template_does_not_know(
        self, server: ModelServer
    ) -> None:
        tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}

        items = await collect(server.chat(), ask("Say hello.", options={"tools": [tool]}))

        assert text_of(items)


class TestChatService(ChatServiceTests):
    pass
