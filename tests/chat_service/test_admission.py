"""Who is next, on a real Redis; and through the socket."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self, TypeVar
from uuid import UUID, uuid4

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from chat_service.admission import WAITING_LIMIT, Admission, Gauge, Waiter
from chat_service.redis_clients import RedisGate
from chatbot.accounts.models import User
from chatbot.contracts import keys
from chatbot.contracts.errors import LimitReached
from tests.chat_service.client import ChatClient
from tests.chat_service.processes import ChatProcess
from tests.child_processes import wait_until
from tests.factories.accounts import make_user
from tests.factories.conversations import make_conversation
from tests.factories.inference import make_endpoint
from tests.fakes.scripted_server import ScriptedServer

T = TypeVar("T")


class Queue:
    """Waiters of one endpoint, who note the order in which they were served."""

    def __init__(self, admission: Admission, *, concurrency: int = 1) -> None:
        self.admission = admission
        self.gauge = Gauge(uuid4(), concurrency)
        self.served: list[str] = []
        self.told: dict[str, list[int]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._leave: dict[str, asyncio.Event] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await cancelled(*self._tasks)

    async def enter(self, name: str, user: UUID, stop: asyncio.Event | None = None) -> None:
        """Somebody enters and stays until told to leave."""
        self.told[name] = []
        self._leave[name] = asyncio.Event()
        waiter = Waiter(uuid4(), user, lambda place, _: self.told[name].append(place))
        self._tasks.append(asyncio.create_task(self._stay(name, waiter, stop or asyncio.Event())))
        await soon(lambda: name in self.served or bool(self.told[name]))

    async def _stay(self, name: str, waiter: Waiter, stop: asyncio.Event) -> None:
        async with self.admission.place([self.gauge], waiter, stop=stop) as gauge:
            if gauge is not None:
                self.served.append(name)
                await self._leave[name].wait()

    async def leave(self, name: str) -> None:
        """Somebody leaves, and the next one is served, if anybody waits."""
        served = len(self.served)
        self._leave[name].set()
        if served < len(self._tasks):
            await soon(lambda: len(self.served) > served)

    async def serve_all(self) -> list[str]:
        """Lets everybody leave in the order in which they were served; that order."""
        for place in range(len(self._tasks)):
            await self.leave(self.served[place])
        await asyncio.wait_for(asyncio.gather(*self._tasks), 5)
        return self.served


class HeldGate(RedisGate):
    """Redis does what it is told, and its answers come when the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.held = 0

    async def call(self, command: Callable[[], Awaitable[T]]) -> T:
        answer = await super().call(command)
        self.held += 1
        await self.is_open.wait()
        self.held -= 1
        return answer


async def soon(is_true: Callable[[], bool]) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(10):
        while not is_true():  # noqa: ASYNC110 - nobody sets an event for a test
            await asyncio.sleep(0.01)


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with Redis.from_url(os.environ["REDIS_URL"]) as client:
        yield client


@asynccontextmanager
async def running(redis: Redis, gate: RedisGate | None = None) -> AsyncIterator[Admission]:
    """The admission of one process."""
    admission = Admission(redis, gate or RedisGate())
    task = asyncio.create_task(admission.run())
    try:
        yield admission
    finally:
        await cancelled(task)


async def cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def admission(redis: Redis) -> AsyncIterator[Admission]:
    async with running(redis) as made:
        yield made


@pytest.fixture
async def queue(admission: Admission) -> AsyncIterator[Queue]:
    """Of an endpoint that gives one answer at a time."""
    async with Queue(admission) as made:
        yield made


@pytest.fixture
async def lonely_queue() -> AsyncIterator[Queue]:
    """Of an endpoint that gives two answers at once, without a Redis."""
    async with (
        Redis.from_url("redis://127.0.0.1:1/0") as nobody,
        running(nobody) as admission,
        Queue(admission, concurrency=2) as made,
    ):
        yield made


class TestAdmission:
    async def test_serves_everybody_at_once_while_there_is_room(self, queue: Queue) -> None:
        queue.gauge = Gauge(uuid4(), 3)

        for name in ("a", "b", "c"):
            await queue.enter(name, uuid4())

        assert queue.served == ["a", "b", "c"]
        assert queue.told == {"a": [], "b": [], "c": []}

    async def test_lets_others_first_before_the_next_of_the_same_person(self, queue: Queue) -> None:
        busy, quiet = uuid4(), uuid4()
        for name in ("busy 1", "busy 2", "busy 3", "busy 4"):
            await queue.enter(name, busy)
        await queue.enter("quiet 1", quiet)

        order = await queue.serve_all()

        assert order == ["busy 1", "busy 2", "quiet 1", "busy 3", "busy 4"]

    async def test_does_not_let_newcomers_pass_for_ever(self, queue: Queue) -> None:
        patient = uuid4()
        for name in ("first", "second"):
            await queue.enter(name, patient)
        for number in range(4):
            await queue.enter(f"newcomer {number}", uuid4())

        order = await queue.serve_all()

        assert order.index("second") <= 1

    async def test_tells_the_place_in_the_queue_as_it_falls(self, queue: Queue) -> None:
        for name in ("a", "b", "c"):
            await queue.enter(name, uuid4())

        await queue.serve_all()

        assert queue.told == {"a": [], "b": [1], "c": [2, 1]}

    async def test_holds_the_limit_for_all_processes_together(
        self, admission: Admission, redis: Redis
    ) -> None:
        async with (
            running(redis) as other,
            Queue(admission, concurrency=2) as here,
            Queue(other, concurrency=2) as there,
        ):
            there.gauge = here.gauge
            await here.enter("here 1", uuid4())
            await there.enter("there 1", uuid4())
            await there.enter("there 2", uuid4())
            full = list(there.served)
            await here.leave("here 1")
            await soon(lambda: len(there.served) > 1)

        assert full == ["there 1"]
        assert there.served == ["there 1", "there 2"]

    async def test_lets_go_of_somebody_who_was_stopped_while_redis_was_asked(
        self, redis: Redis
    ) -> None:
        gate, stop, user = HeldGate(), asyncio.Event(), uuid4()
        async with running(redis, gate) as admission, Queue(admission) as queue:
            await queue.enter("a", uuid4())
            await queue.enter("b", user, stop)

            gate.is_open.clear()
            await soon(lambda: gate.held > 0)
            stop.set()
            await soon(lambda: gate.held > 1)
            gate.is_open.set()

            await queue.enter("c", user)
            await queue.enter("d", user)
            await queue.leave("a")
            await queue.leave("c")
            assert queue.served == ["a", "c", "d"]

    async def test_lets_go_of_somebody_who_was_stopped(self, queue: Queue) -> None:
        stop = asyncio.Event()
        await queue.enter("a", uuid4())
        await queue.enter("b", uuid4(), stop)
        await queue.enter("c", uuid4())

        stop.set()
        await queue.leave("a")

        assert queue.served == ["a", "c"]

    async def test_refuses_when_the_queue_is_full(
        self, admission: Admission, queue: Queue, redis: Redis
    ) -> None:
        await queue.enter("a", uuid4())
        far = 10**15
        named = f"brainstem:endpoint:{{{queue.gauge.id}}}"
        others = [str(uuid4()) for _ in range(WAITING_LIMIT)]
        await redis.zadd(f"{named}:waiting", dict.fromkeys(others, far))
        await redis.zadd(f"{named}:waiters", dict.fromkeys(others, far))

        with pytest.raises(LimitReached) as refused:
            async with admission.place(
                [queue.gauge], Waiter(uuid4(), uuid4(), print), stop=asyncio.Event()
            ):
                pass

        assert refused.value.error_code == "queue-full"
        assert refused.value.retry_after_seconds > 0

    async def test_forgets_a_process_that_died(self, queue: Queue, redis: Redis) -> None:
        named = f"brainstem:endpoint:{{{queue.gauge.id}}}"
        await redis.zadd(f"{named}:running", {"dead": 1})
        await redis.zadd(f"{named}:waiting", {"dead too": 1})
        await redis.zadd(f"{named}:waiters", {"dead too": 1})

        await queue.enter("a", uuid4())

        assert queue.served == ["a"]

    async def test_takes_the_endpoint_that_has_room(self, admission: Admission) -> None:
        full, free = Gauge(uuid4(), 1), Gauge(uuid4(), 1)
        stop = asyncio.Event()
        async with admission.place([full], Waiter(uuid4(), uuid4(), print), stop=stop):
            waiter = Waiter(uuid4(), uuid4(), print)

            async with admission.place([full, free], waiter, stop=stop) as gauge:
                assert gauge == free

    async def test_gives_what_can_be_left_undone_a_place_that_is_free(
        self, admission: Admission
    ) -> None:
        full, free = Gauge(uuid4(), 1), Gauge(uuid4(), 1)
        async with admission.free_place([full], Waiter(uuid4(), uuid4(), print)) as gauge:
            assert gauge == full

            async with admission.free_place([full, free], Waiter(uuid4(), uuid4(), print)) as other:
                assert other == free

        assert admission.places() == {full.id: (0, 0), free.id: (0, 0)}

    async def test_lets_it_pass_nobody_and_wait_for_nothing(self, queue: Queue) -> None:
        await queue.enter("first", uuid4())
        await queue.enter("second", uuid4())

        waiter = Waiter(uuid4(), uuid4(), print)
        async with queue.admission.free_place([queue.gauge], waiter) as gauge:
            assert gauge is None

        assert queue.admission.places()[queue.gauge.id] == (1, 1)
        assert await queue.serve_all() == ["first", "second"]

    async def test_learns_nothing_from_it_of_how_long_answers_take(
        self, queue: Queue, redis: Redis
    ) -> None:
        async with queue.admission.free_place([queue.gauge], Waiter(uuid4(), uuid4(), print)):
            pass

        shares = await redis.hgetall(keys.endpoint_shares(queue.gauge.id))  # type: ignore[misc] # redis-py types one class for both kinds of clients
        assert b"mean" not in shares

    async def test_keeps_the_limit_of_this_process_without_redis(self, lonely_queue: Queue) -> None:
        for name in ("a", "b", "c", "d"):
            await lonely_queue.enter(name, uuid4())
        at_first = list(lonely_queue.served)

        order = await lonely_queue.serve_all()

        assert at_first == ["a", "b"]
        assert sorted(order) == ["a", "b", "c", "d"]


class TestEarlyPlaces:
    """Places of turns that are asked for while their questions are stored."""

    async def test_are_taken_without_asking_again(self, redis: Redis) -> None:
        gate, gauge, turn_id, user_id = HeldGate(), Gauge(uuid4(), 2), uuid4(), uuid4()
        async with running(redis, gate) as admission:
            admission.enter_early(gauge, turn_id=turn_id, user_id=user_id)
            await soon(lambda: admission.places()[gauge.id] == (1, 0))
            gate.is_open.clear()

            waiter = Waiter(turn_id, user_id, print)
            async with admission.place([gauge], waiter, stop=asyncio.Event()) as taken:
                await admission.leave_early(turn_id)
                assert taken == gauge
                assert await held(redis, gauge) == [str(turn_id)]
                gate.is_open.set()

        assert await held(redis, gauge) == []

    async def test_are_given_back(self, admission: Admission, redis: Redis) -> None:
        gauge, turn_id = Gauge(uuid4(), 1), uuid4()
        admission.enter_early(gauge, turn_id=turn_id, user_id=uuid4())

        await admission.leave_early(turn_id)
        await admission.leave_early(turn_id)

        assert await held(redis, gauge) == []
        assert admission.places() == {gauge.id: (0, 0)}

    async def test_are_given_back_where_another_server_comes_first(
        self, admission: Admission, redis: Redis
    ) -> None:
        first, second = Gauge(uuid4(), 1), Gauge(uuid4(), 1)
        waiter = Waiter(uuid4(), uuid4(), print)
        admission.enter_early(first, turn_id=waiter.turn_id, user_id=waiter.user_id)

        async with admission.place([second, first], waiter, stop=asyncio.Event()) as taken:
            assert taken == second
            assert await held(redis, first) == []
            assert await held(redis, second) == [str(waiter.turn_id)]

    async def test_are_none_where_half_are_taken(self, admission: Admission, redis: Redis) -> None:
        gauge = Gauge(uuid4(), 4)
        ids = [uuid4() for _ in range(4)]
        for turn_id in ids:
            admission.enter_early(gauge, turn_id=turn_id, user_id=uuid4())
            await asyncio.sleep(0.05)

        assert await held(redis, gauge) == sorted(map(str, ids[:2]))

    async def test_wait_with_all_others_where_nothing_is_free(
        self, admission: Admission, redis: Redis
    ) -> None:
        async with running(redis) as other, Queue(other) as there:
            await there.enter("there", uuid4())
            turn_id, user_id = uuid4(), uuid4()
            admission.enter_early(there.gauge, turn_id=turn_id, user_id=user_id)
            told: list[int] = []
            waiter = Waiter(turn_id, user_id, lambda place, _: told.append(place))

            async def stay() -> None:
                async with admission.place([there.gauge], waiter, stop=asyncio.Event()):
                    pass

            staying = asyncio.create_task(stay())
            await soon(lambda: bool(told))
            await there.leave("there")
            await asyncio.wait_for(staying, 5)

        assert told == [1]


async def held(redis: Redis, gauge: Gauge) -> list[str]:
    """Turns that have a place, as Redis knows it."""
    return sorted(
        turn.decode() for turn in await redis.zrange(keys.endpoint_running(gauge.id), 0, -1)
    )


@pytest.mark.django_db(transaction=True)
class TestQueue:
    def test_holds_no_place_for_what_was_refused(
        self, client: ChatClient, person: User, scripted_server: ScriptedServer
    ) -> None:
        endpoint = make_endpoint(base_url=scripted_server.base_url, concurrency=1)
        conversation = make_conversation(person, model=endpoint.model)
        running = keys.endpoint_running(endpoint.pk)

        with SyncRedis.from_url(os.environ["REDIS_URL"]) as redis:
            for _ in range(5):
                client.ask(conversation.pk, "What?")
                assert client.answer().types[0] == "turn.started"
                client.send(type="ask", conversation=str(uuid4()), text="Whose?", client_id="1")
                assert client.receive()["code"] == "not-found"
                wait_until(lambda: not redis.zcard(running), seconds=5, what="a free place")

    def test_is_told_honestly(
        self, chat: ChatProcess, person: User, scripted_server: ScriptedServer
    ) -> None:
        model = make_endpoint(base_url=scripted_server.base_url, concurrency=1).model
        scripted_server.script(tokens=30, rate=60)
        mine = make_conversation(person, model=model)
        other = make_user()
        theirs = make_conversation(other, model=model)
        with ChatClient(chat, person) as client, ChatClient(chat, other) as waiting:
            client.ask(mine.pk, "What?")
            client.tokens(3)

            waiting.ask(theirs.pk, "What?")
            answer = waiting.answer()

        assert answer.types[:2] == ["turn.queued", "turn.started"]
        assert answer.events[0]["position"] == 1
        assert answer.end["type"] == "turn.completed"
        assert scripted_server.stats()["running"] == 0
