"""Passages go to embedding servers in batches; what can go wrong there."""

import time
from collections.abc import Iterator

import pytest
from pytest_django import DjangoAssertNumQueries

from chatbot import jobs
from chatbot.contracts import keys
from chatbot.contracts.errors import DocumentFault, Unavailable
from chatbot.documents.services import ingestion
from chatbot.inference.circuits import CircuitState, Opening
from chatbot.inference.models import InferenceEndpoint
from ingest_worker import circuits, embed
from ingest_worker.embed import Embedder, Vector
from tests.factories.inference import make_embedding_endpoint, make_endpoint
from tests.fakes.embedding_server import (
    MODEL,
    EmbeddingServer,
    Refusal,
    running_embedding_server,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with running_embedding_server(kind="vllm") as server:
        yield server


@pytest.fixture
def endpoint(server: EmbeddingServer) -> InferenceEndpoint:
    return make_embedding_endpoint(base_url=server.base_url, upstream_model=MODEL)


def texts(count: int, length: int = 20) -> dict[str, str]:
    return {f"key {number}": f"{number:03} ".ljust(length, "x") for number in range(count)}


def embedded(wanted: dict[str, str]) -> dict[str, Vector]:
    found: dict[str, Vector] = {}
    assert Embedder(check=lambda: None).embed(wanted, found) == []
    return found


@pytest.mark.usefixtures("endpoint")
class TestEmbed:
    def test_gives_each_text_its_vector(self, server: EmbeddingServer) -> None:
        found = embedded(texts(3))

        assert list(found) == list(texts(3))
        assert {len(vector) for vector in found.values()} == {server.dimensions}

    def test_sends_batches_of_so_many_texts_and_tokens(
        self, server: EmbeddingServer, endpoint: InferenceEndpoint
    ) -> None:
        endpoint.options = {"batch_texts": 10, "batch_tokens": 1000, "batches_at_once": 1}
        endpoint.save()

        embedded({**texts(15), **{f"long {key}": text for key, text in texts(4, 1500).items()}})

        assert [len(one) for one in server.requests] == [10, 6, 1, 1, 1]

    def test_sends_several_batches_at_once(
        self, server: EmbeddingServer, endpoint: InferenceEndpoint
    ) -> None:
        server.seconds = 0.1
        endpoint.options = {"batch_texts": 1, "batches_at_once": 3}
        endpoint.save()

        found = embedded(texts(8))

        assert len(found) == 8
        assert server.most_at_once == 3

    def test_sends_a_server_with_a_core_or_two_a_few_texts_at_a_time(
        self, server: EmbeddingServer
    ) -> None:
        server.kind = "brainstem"

        embedded(texts(20))

        assert [len(one) for one in server.requests] == [8, 8, 4]
        assert server.most_at_once == 1

    def test_asks_the_database_once_for_all_texts(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(2):
            found = embedded(texts(40))

        assert len(found) == 40

    def test_lets_questions_pass(self) -> None:
        jobs.redis_client().set(keys.embedding_interactive(), 1, px=300)

        found = embedded(texts(1))

        assert not jobs.redis_client().exists(keys.embedding_interactive())
        assert len(found) == 1

    def test_waits_for_questions_no_longer_than_a_second(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(embed, "LONGEST_YIELD_SECONDS", 0.2)
        jobs.redis_client().set(keys.embedding_interactive(), 1)

        assert len(embedded(texts(1))) == 1

    def test_stops_between_batches_when_the_lease_is_lost(self, server: EmbeddingServer) -> None:
        def lost() -> None:
            raise ingestion.LeaseLost

        with pytest.raises(ingestion.LeaseLost):
            Embedder(check=lost).embed(texts(1), {})
        assert server.requests == []

    def test_finds_the_text_that_is_too_long_and_embeds_the_others(
        self, server: EmbeddingServer
    ) -> None:
        server.max_tokens = 100
        wanted = {**texts(9), "long": "y" * 101}
        found: dict[str, Vector] = {}

        too_long = Embedder(check=lambda: None).embed(wanted, found)

        assert too_long == ["long"]
        assert set(found) == set(texts(9))

    def test_sends_less_at_once_to_a_server_that_refuses_so_many(
        self, server: EmbeddingServer
    ) -> None:
        server.batch_limit = 5

        assert len(embedded(texts(17))) == 17

    @pytest.mark.parametrize("poisoned", ["refused", "broken", "nan", "zero"])
    def test_blames_the_document_for_a_text_that_is_refused_for_itself(
        self, server: EmbeddingServer, endpoint: InferenceEndpoint, poisoned: str
    ) -> None:
        server.poison, server.poisoned = "006", poisoned
        found: dict[str, Vector] = {}

        with pytest.raises(DocumentFault) as caught:
            Embedder(check=lambda: None).embed(texts(8), found)

        assert caught.value.error_code == "embedding-refused"
        assert len(found) >= 6
        assert circuits.may_ask(endpoint.pk)
        assert len(embedded(texts(5))) == 5

    @pytest.mark.parametrize("poisoned", ["broken", "nan"])
    def test_asks_another_server_for_a_text_that_one_can_not_embed(
        self, server: EmbeddingServer, endpoint: InferenceEndpoint, poisoned: str
    ) -> None:
        server.poison, server.poisoned = "003", poisoned
        with running_embedding_server() as other:
            make_endpoint(endpoint.model, base_url=other.base_url, upstream_model=MODEL, priority=1)

            found = embedded(texts(4))

        assert len(found) == 4


@pytest.mark.usefixtures("endpoint")
class TestServersThatFail:
    def test_are_waited_for_while_they_are_busy(self, server: EmbeddingServer) -> None:
        server.refusals = [Refusal(429, retry_after=1)]
        began = time.monotonic()

        found = embedded(texts(1))

        assert time.monotonic() - began > 0.9
        assert len(found) == 1

    def test_are_not_waited_for_where_they_ask_for_long(self, server: EmbeddingServer) -> None:
        server.refusals = [Refusal(503, retry_after=40)] * 3
        began = time.monotonic()

        with pytest.raises(Unavailable) as caught:
            embedded(texts(1))

        assert time.monotonic() - began < 20
        assert (caught.value.error_code, caught.value.retry_after_seconds) == ("inference-busy", 40)

    def test_leave_what_was_embedded_before(
        self, server: EmbeddingServer, endpoint: InferenceEndpoint
    ) -> None:
        endpoint.options = {"batch_texts": 2, "batches_at_once": 1}
        endpoint.save()
        server.fails_after = 3
        found: dict[str, Vector] = {}

        with pytest.raises(Unavailable):
            Embedder(check=lambda: None).embed(texts(10), found)

        assert len(found) == 6

    def test_are_replaced_by_others_of_the_same_model(
        self, server: EmbeddingServer, endpoint: InferenceEndpoint
    ) -> None:
        server.is_down = True
        with running_embedding_server() as other:
            make_endpoint(endpoint.model, base_url=other.base_url, upstream_model=MODEL, priority=1)

            found = embedded(texts(2))

        assert len(found) == 2
        assert other.requests

    def test_are_left_alone_after_the_third_time_and_tried_again_later(
        self, server: EmbeddingServer, endpoint: InferenceEndpoint
    ) -> None:
        server.is_down = True
        for _ in range(3):
            with pytest.raises(Unavailable):
                embedded(texts(1))
        asked = server.asked.count("/v1/embeddings")
        server.is_down = False

        with pytest.raises(Unavailable) as caught:
            embedded(texts(1))
        left_alone = server.asked.count("/v1/embeddings") - asked
        name = keys.endpoint_circuit(endpoint.pk)
        stored = jobs.redis_client().get(name)
        assert isinstance(stored, bytes)
        opening = Opening.decoded(stored)
        earlier = Opening(opening.at - 6, opening.by, opening.code)
        jobs.redis_client().set(name, earlier.encoded())
        found = embedded(texts(1))

        assert (left_alone, caught.value.error_code) == (0, "embedding-away")
        assert opening.state(time.time()) is CircuitState.OPEN
        assert len(found) == 1
        assert not jobs.redis_client().exists(name)

    def test_are_tried_by_one_worker_at_a_time(self, endpoint: InferenceEndpoint) -> None:
        name = keys.endpoint_circuit(endpoint.pk)
        opening = Opening(time.time() - 6, "answers", "inference-gone")
        jobs.redis_client().set(name, opening.encoded())

        tries = [circuits.may_ask(endpoint.pk) for _ in range(3)]
        circuits.answered(endpoint.pk)

        assert tries == [True, False, False]
        assert circuits.may_ask(endpoint.pk)
        assert not jobs.redis_client().exists(name)

    def test_are_away_where_they_refuse_any_text(self, server: EmbeddingServer) -> None:
        server.refusals = [Refusal(400, "no such model")] * 4

        with pytest.raises(Unavailable) as caught:
            embedded(texts(1))

        assert caught.value.error_code == "inference-bad-request"


class TestWithoutServers:
    def test_says_that_none_is_set_up(self) -> None:
        with pytest.raises(Unavailable) as caught:
            Embedder(check=lambda: None)

        assert caught.value.error_code == "embedding-missing"
