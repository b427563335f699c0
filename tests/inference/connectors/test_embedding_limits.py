"""What embedding servers say of themselves."""

import pytest

from chatbot.inference.connectors.embedding_limits import (
    Counting,
    ServerLimits,
    count_tokens,
    server_limits,
)
from chatbot.inference.connectors.embedding_options import EmbeddingOptions, batch_limits
from chatbot.inference.connectors.errors import ServerGone
from chatbot.inference.connectors.options import OptionsWrong
from chatbot.inference.connectors.protocol import EndpointConfig
from tests.fakes.embedding_server import MODEL, running_embedding_server

KINDS = {
    "vllm": ServerLimits(512, counting=Counting.VLLM),
    "llamacpp": ServerLimits(512, counting=Counting.LLAMA_CPP),
    "tei": ServerLimits(512, batch_tokens=16384, batch_texts=32, counting=Counting.TEI),
    "brainstem": ServerLimits(512, counting=Counting.VLLM, is_embedded=True),
    "": ServerLimits(),
}


class TestServerLimits:
    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind or "unknown")
    def test_are_those_that_the_server_tells(self, kind: str) -> None:
        with running_embedding_server(kind=kind, max_tokens=512) as server:
            assert server_limits(EndpointConfig(server.base_url, MODEL)) == KINDS[kind]

    def test_are_unknown_while_the_server_is_away(self) -> None:
        with pytest.raises(ServerGone):
            server_limits(EndpointConfig("http://127.0.0.1:1/v1", MODEL))


class TestCountTokens:
    @pytest.mark.parametrize("kind", ["vllm", "llamacpp", "tei", "brainstem"])
    def test_asks_the_server_in_its_own_way(self, kind: str) -> None:
        with running_embedding_server(kind=kind) as server:
            endpoint = EndpointConfig(server.base_url, MODEL)

            counts = count_tokens(endpoint, KINDS[kind].counting, ["one", "three"])

        assert counts == [3, 5]

    @pytest.mark.parametrize("kind", ["vllm", ""], ids=["asked", "not asked"])
    def test_is_nothing_where_the_server_cannot_count(self, kind: str) -> None:
        with running_embedding_server(kind=kind, tells_tokens=False) as server:
            endpoint = EndpointConfig(server.base_url, MODEL)

            assert count_tokens(endpoint, KINDS[kind].counting, ["one"]) is None


class TestBatchLimits:
    def test_are_the_servers(self) -> None:
        limits = batch_limits(EmbeddingOptions(), KINDS["tei"], slots=16)

        assert (limits.max_tokens, limits.batch_texts, limits.batch_tokens) == (512, 32, 8192)
        assert limits.batches_at_once == 4

    def test_are_small_for_the_embedded_server(self) -> None:
        limits = batch_limits(EmbeddingOptions(), KINDS["brainstem"], slots=16)

        assert (limits.batch_texts, limits.batches_at_once) == (8, 1)

    def test_are_the_administrators_first(self) -> None:
        options = EmbeddingOptions.read({"max_tokens": 300, "batches_at_once": 9})

        limits = batch_limits(options, KINDS["brainstem"], slots=2)

        assert (limits.max_tokens, limits.batches_at_once) == (300, 2)

    @pytest.mark.parametrize(
        "given", [{"max_tokens": -1}, {"max_tokens": "8"}, {"temperature": 1}], ids=str
    )
    def test_refuse_options_that_make_no_sense(self, given: dict[str, object]) -> None:
        with pytest.raises(OptionsWrong):
            EmbeddingOptions.read(given)
