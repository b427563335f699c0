"""Circuits as two processes see them, over a real Redis."""

import time
import uuid
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from chat_service.endpoint_states import EndpointStates
from chat_service.redis_clients import RedisGate, command_client
from chatbot.contracts import keys
from chatbot.inference.circuits import Check, CircuitState, OpenedBy, Opening

NO_TURNS: dict[UUID, tuple[int, int]] = {}
Pair = tuple[EndpointStates, EndpointStates]


@pytest.fixture
def place() -> UUID:
    return uuid.uuid4()


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """Two processes that share Redis."""
    client = command_client()
    one, two = (
        EndpointStates(name, redis=client, gate=RedisGate(), held=lambda: NO_TURNS)
        for name in ("one", "two")
    )
    yield one, two
    await client.aclose()


class TestCircuit:
    async def test_opens_after_three_failures_in_a_row(self, pair: Pair, place: UUID) -> None:
        one, _ = pair
        one.failed(place, "inference-gone")
        one.failed(place, "inference-gone")
        one.worked(place)
        one.failed(place, "inference-gone")
        one.failed(place, "inference-gone")
        before = one.circuit(place)
        one.failed(place, "inference-gone")

        assert (before, one.circuit(place)) == (CircuitState.CLOSED, CircuitState.OPEN)

    async def test_opens_and_closes_for_every_process(self, pair: Pair, place: UUID) -> None:
        one, two = pair
        for _ in range(3):
            one.failed(place, "inference-gone")
        await one.share([place])
        await two.share([place])
        seen_open = two.circuit(place)
        two.worked(place)
        await two.share([place])
        await one.share([place])

        assert (seen_open, one.circuit(place)) == (CircuitState.OPEN, CircuitState.CLOSED)

    async def test_opened_by_a_check_is_closed_by_a_check(self, pair: Pair, place: UUID) -> None:
        one, two = pair
        one.checked(place, Check(time.time(), is_healthy=False, code="inference-timeout"))
        await one.share([place])
        await two.share([place])
        seen_open = two.circuit(place)
        two.checked(place, Check(time.time(), is_healthy=True))
        await two.share([place])
        await one.share([place])

        assert (seen_open, one.circuit(place)) == (CircuitState.OPEN, CircuitState.CLOSED)

    async def test_opened_by_answers_is_not_closed_by_a_check(
        self, pair: Pair, place: UUID
    ) -> None:
        one, _ = pair
        for _ in range(3):
            one.failed(place, "inference-gone")
        one.checked(place, Check(time.time(), is_healthy=True))

        assert one.circuit(place) == CircuitState.OPEN

    async def test_is_kept_by_each_process_while_redis_is_away(self, place: UUID) -> None:
        away = Redis.from_url("redis://127.0.0.1:1/0")
        one, two = (
            EndpointStates(name, redis=away, gate=RedisGate(), held=lambda: NO_TURNS)
            for name in ("one", "two")
        )
        one.checked(place, Check(time.time(), is_healthy=False, code="inference-gone"))
        await one.share([place])
        await two.share([place])

        assert one.circuit(place) == CircuitState.OPEN
        assert two.circuit(place) == CircuitState.CLOSED


class TestTrial:
    @pytest.fixture(autouse=True)
    def _half_open(self, place: UUID, redis: SyncRedis) -> None:
        opening = Opening(time.time() - 6, OpenedBy.ANSWERS, "inference-gone")
        redis.set(keys.endpoint_circuit(place), opening.encoded(), ex=30)

    async def test_is_one_question_of_one_process(self, pair: Pair, place: UUID) -> None:
        one, two = pair
        await one.share([place])
        await two.share([place])

        taken = [states.take_trial(place) for states in (one, one, two)]

        assert taken == [True, False, False]

    async def test_that_fails_opens_the_circuit_again(self, pair: Pair, place: UUID) -> None:
        one, two = pair
        await one.share([place])
        one.failed(place, "inference-gone")
        await one.share([place])
        await two.share([place])

        assert [one.circuit(place), two.circuit(place)] == [CircuitState.OPEN] * 2


class TestLoad:
    async def test_counts_the_turns_of_all_processes_and_the_servers_queue(
        self, pair: Pair, place: UUID, redis: SyncRedis
    ) -> None:
        redis.zadd(keys.endpoint_running(place), {"a": 4e12, "b": 4e12, "gone": 1.0})
        redis.zadd(keys.endpoint_waiting(place), {"c": 1.0})

        one, two = pair
        one.checked(place, Check(time.time(), is_healthy=True, queue=4))
        await one.share([place])
        await two.share([place])

        assert [one.load(place), two.load(place)] == [7, 7]
