"""An answer outlives the server that writes it, and questions go where somebody answers."""

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from chat_service.token_estimate import estimate_tokens
from chatbot.accounts.models import User
from chatbot.contracts import keys
from chatbot.conversations.models import (
    Conversation,
    DailyTokens,
    Message,
    MessageRole,
    Turn,
    TurnState,
)
from chatbot.inference.models import Discovery, InferenceModel
from chatbot.inference.services import set_draining
from tests.chat_service.client import Answer, ChatClient
from tests.chat_service.processes import ChatProcess, running_chat_process
from tests.child_processes import wait_until
from tests.factories.conversations import make_conversation
from tests.factories.inference import make_endpoint
from tests.fakes.script import generated
from tests.fakes.scripted_server import ScriptedServer, running_scripted_server
from tests.servers import free_port

pytestmark = pytest.mark.django_db(transaction=True)
SEEN_SECONDS = 15
"""By every process, on a busy machine; a check comes every five."""


@pytest.fixture
def other_server() -> Iterator[ScriptedServer]:
    with running_scripted_server() as server:
        yield server


@pytest.fixture
def first(served: InferenceModel, other_server: ScriptedServer) -> ScriptedServer:
    """A server that is asked before the one in reserve."""
    make_endpoint(served, base_url=other_server.base_url)
    return other_server


@pytest.fixture
def reserve(served: InferenceModel, scripted_server: ScriptedServer) -> ScriptedServer:
    """A server that is asked where no other answers."""
    make_endpoint(served, base_url=scripted_server.base_url, priority=1)
    return scripted_server


def answered(client: ChatClient, person: User) -> Answer:
    """A question in a conversation of its own, and its whole answer."""
    client.ask(make_conversation(person).pk, "What?")
    return client.answer()


def begin(client: ChatClient, person: User) -> None:
    """A question in a conversation of its own, up to where it is asked of a server."""
    conversation_id, client_id = str(make_conversation(person).pk), str(time.monotonic_ns())
    client.send(type="ask", conversation=conversation_id, text="What?", client_id=client_id)
    client.until("turn.started")


class TestBeforeTheFirstToken:
    @pytest.mark.usefixtures("reserve")
    def test_takes_the_next_endpoint(
        self, served: InferenceModel, asking: ChatClient, person: User
    ) -> None:
        make_endpoint(served)

        answer = answered(asking, person)

        assert answer.types == ["turn.started", "token", "usage", "turn.completed"]
        assert answer.text == generated(60)

    def test_gives_up_after_three(
        self,
        served: InferenceModel,
        reserve: ScriptedServer,
        asking: ChatClient,
        person: User,
    ) -> None:
        for _ in range(3):
            make_endpoint(served)

        answer = answered(asking, person)

        assert answer.end["code"] == "inference-gone"
        assert reserve.stats()["chat_requests"] == 0


class TestAfterTheFirstToken:
    def test_goes_on_at_another_endpoint_when_the_server_was_killed(
        self,
        served: InferenceModel,
        reserve: ScriptedServer,
        asking: ChatClient,
        conversation: Conversation,
    ) -> None:
        with running_scripted_server() as doomed:
            make_endpoint(served, base_url=doomed.base_url)
            doomed.script(tokens=200, rate=50)
            reserve.script(tokens=200, rate=100)
            asked = asking.ask(conversation.pk, "What?")
            answer = asking.tokens(40)

            doomed.kill()
            asking.answer(to=answer)

        assert answer.text == generated(200)
        assert answer.types.count("turn.resumed") == 1
        assert [event["seq"] for event in answer.events] == list(range(1, answer.seq + 1))
        assert answer.end["type"] == "turn.completed"
        assert Message.objects.get(pk=asked["answer"]).text == answer.text
        turn = Turn.objects.get(pk=asked["turn"])
        assert (turn.state, turn.fence, turn.attempts) == (TurnState.COMPLETED, 1, 1)
        assert reserve.stats()["chat_requests"] == 1

    def test_takes_nothing_back(
        self,
        first: ScriptedServer,
        reserve: ScriptedServer,
        asking: ChatClient,
        person: User,
    ) -> None:
        first.script(tokens=90, die_after=30, language="ko")
        reserve.script(tokens=90, language="ko")

        answer = answered(asking, person)

        resumed = next(event for event in answer.events if event["type"] == "turn.resumed")
        before = answer.events[: answer.events.index(resumed)]
        assert resumed["text"] == "".join(event.get("text", "") for event in before)
        assert answer.text == generated(90, "ko")

    def test_counts_what_the_first_server_wrote(
        self,
        first: ScriptedServer,
        reserve: ScriptedServer,
        asking: ChatClient,
        person: User,
    ) -> None:
        InferenceModel.objects.update(price_completion=Decimal(100_000))
        first.script(tokens=90, die_after=30)
        reserve.script(tokens=90)

        answer = answered(asking, person)

        resumed = next(event for event in answer.events if event["type"] == "turn.resumed")
        usage = answer.events[-2]
        assert usage["completion_tokens"] == estimate_tokens(resumed["text"]) + 60
        stored = Message.objects.get(role=MessageRole.ASSISTANT)
        assert stored.completion_tokens == usage["completion_tokens"]
        assert stored.cost == Decimal(usage["completion_tokens"]) / 10
        assert stored.prompt_tokens == usage["prompt_tokens"]
        used = DailyTokens.objects.get(user=person)
        assert used.tokens == usage["prompt_tokens"] + usage["completion_tokens"]

    def test_counts_the_first_servers_thoughts(
        self,
        first: ScriptedServer,
        reserve: ScriptedServer,
        asking: ChatClient,
        person: User,
    ) -> None:
        first.script(reasoning="Why do they ask?", die_after=0)
        reserve.script(tokens=5)

        answer = answered(asking, person)

        thought = "".join(one["text"] for one in answer.events if one["type"] == "reasoning")
        assert answer.events[-2]["completion_tokens"] == estimate_tokens(thought) + 5

    def test_goes_on_at_the_same_endpoint_where_there_is_no_other(
        self,
        served: InferenceModel,
        scripted_server: ScriptedServer,
        asking: ChatClient,
        person: User,
    ) -> None:
        make_endpoint(served, base_url=scripted_server.base_url)
        scripted_server.script(tokens=100, die_after=40)

        answer = answered(asking, person)

        assert answer.text == generated(100)
        assert answer.types.count("turn.resumed") == 2

    def test_stops_in_the_pause_before_it(
        self,
        served: InferenceModel,
        scripted_server: ScriptedServer,
        asking: ChatClient,
        conversation: Conversation,
    ) -> None:
        make_endpoint(served, base_url=scripted_server.base_url)
        scripted_server.script(tokens=100, die_after=10)
        asked = asking.ask(conversation.pk, "What?")
        answer = asking.tokens(20)

        asking.send(type="stop", turn=asked["turn"])
        asking.answer(to=answer)

        assert answer.end["type"] == "turn.stopped"
        assert generated(100).startswith(answer.text)

    @pytest.mark.slow
    def test_goes_on_with_many_answers_at_once(
        self,
        served: InferenceModel,
        scripted_server: ScriptedServer,
        asking: ChatClient,
        person: User,
    ) -> None:
        scripted_server.script(tokens=150, rate=30)
        with running_scripted_server() as doomed:
            make_endpoint(served, base_url=doomed.base_url, concurrency=30)
            make_endpoint(served, base_url=scripted_server.base_url, priority=1, concurrency=30)
            doomed.script(tokens=150, rate=30)
            for _ in range(30):
                begin(asking, person)
            running = doomed.stats()["running"]

            doomed.kill()
            wait_until(
                lambda: not Turn.objects.exclude(state=TurnState.COMPLETED).exists(),
                seconds=60,
                what="end of all answers",
            )

        texts = Message.objects.filter(role=MessageRole.ASSISTANT).values_list("text", flat=True)
        assert running == 30
        assert list(texts) == [generated(150)] * 30

    def test_keeps_what_stands_where_nobody_can_continue(
        self, served: InferenceModel, asking: ChatClient, person: User
    ) -> None:
        with (
            running_scripted_server("--owned-by", "somebody") as first,
            running_scripted_server("--owned-by", "somebody") as second,
        ):
            make_endpoint(served, base_url=first.base_url)
            make_endpoint(served, base_url=second.base_url, priority=1)
            first.script(tokens=60, die_after=20)

            answer = answered(asking, person)
            asked_second = second.stats()["chat_requests"]

        assert (answer.end["type"], answer.end["code"]) == ("turn.failed", "inference-gone")
        assert answer.text == " ".join(generated(60).split()[:20])
        assert asked_second == 0


@pytest.mark.slow
class TestCircuit:
    @pytest.mark.usefixtures("reserve")
    def test_opened_by_a_check_keeps_questions_of_every_process_away(
        self,
        served: InferenceModel,
        other_server: ScriptedServer,
        asking: ChatClient,
        person: User,
        redis: Redis,
    ) -> None:
        sick = make_endpoint(served, base_url=other_server.base_url)
        circuit = keys.endpoint_circuit(sick.pk)
        with running_chat_process() as second, ChatClient(second, person) as elsewhere:
            other_server.script(models_status=500)
            wait_until(lambda: bool(redis.exists(circuit)), seconds=SEEN_SECONDS, what="circuit")
            time.sleep(2)

            answers = [answered(asking, person), answered(elsewhere, person)]
            asked_when_open = other_server.stats()["chat_requests"]
            other_server.script()
            wait_until(lambda: not redis.exists(circuit), seconds=SEEN_SECONDS, what="closing")
            time.sleep(2)
            answers += [answered(asking, person), answered(elsewhere, person)]

        assert [answer.text for answer in answers] == [generated(60)] * 4
        assert asked_when_open == 0
        assert other_server.stats()["chat_requests"] == 2

    @pytest.mark.usefixtures("reserve")
    def test_opened_by_answers_is_closed_by_one(
        self,
        served: InferenceModel,
        other_server: ScriptedServer,
        asking: ChatClient,
        person: User,
        redis: Redis,
    ) -> None:
        sick = make_endpoint(served, base_url=other_server.base_url)
        other_server.script(error_status=500, delay_ms=300)
        circuit = keys.endpoint_circuit(sick.pk)
        wait_until(
            lambda: bool(redis.exists(keys.endpoint_check(sick.pk))),
            seconds=SEEN_SECONDS,
            what="check",
        )

        def ask_until(*, is_open: bool) -> bool:
            answered(asking, person)
            return bool(redis.exists(circuit)) is is_open

        wait_until(lambda: ask_until(is_open=True), seconds=30, what="open circuit")
        other_server.script()
        wait_until(lambda: ask_until(is_open=False), seconds=30, what="closed circuit")

        # Its answer closes the circuit at once here, and for all processes within a second.
        assert other_server.stats()["finished"] >= 1

    def test_is_looked_after_by_another_process_when_the_one_that_did_was_killed(
        self,
        served: InferenceModel,
        scripted_server: ScriptedServer,
        replica: ChatProcess,
        redis: Redis,
    ) -> None:
        endpoint = make_endpoint(served, base_url=scripted_server.base_url)

        def checker() -> str:
            found: Any = redis.get(keys.ENDPOINT_CHECKER)
            return (found or b"").decode()

        def is_checked() -> bool:
            return bool(redis.exists(keys.endpoint_check(endpoint.pk)))

        wait_until(is_checked, seconds=SEEN_SECONDS, what="check")
        first = checker()
        with running_chat_process():
            replica.process.kill()
            redis.delete(keys.endpoint_check(endpoint.pk))
            wait_until(is_checked, seconds=SEEN_SECONDS, what="check by the other")

            assert f":{replica.process.pid}:" in first
            assert checker() not in {first, ""}

    @pytest.mark.usefixtures("reserve")
    def test_is_every_process_s_own_without_redis(
        self, served: InferenceModel, person: User
    ) -> None:
        make_endpoint(served)
        with (
            running_chat_process(REDIS_URL="redis://127.0.0.1:1/0") as alone,
            ChatClient(alone, person) as client,
        ):
            answer = answered(client, person)

        assert answer.text == generated(60)


@pytest.mark.slow
class TestOrder:
    def test_shares_questions_by_weight(
        self,
        served: InferenceModel,
        scripted_server: ScriptedServer,
        other_server: ScriptedServer,
        asking: ChatClient,
        person: User,
    ) -> None:
        make_endpoint(served, base_url=scripted_server.base_url, weight=3)
        make_endpoint(served, base_url=other_server.base_url)
        scripted_server.script(tokens=500, rate=20)
        other_server.script(tokens=500, rate=20)

        for _ in range(8):
            begin(asking, person)

        running = scripted_server.stats()["running"], other_server.stats()["running"]
        assert running == (6, 2)

    def test_leaves_a_drained_endpoint_to_end_what_it_began(
        self,
        served: InferenceModel,
        reserve: ScriptedServer,
        other_server: ScriptedServer,
        asking: ChatClient,
        replica: ChatProcess,
        person: User,
    ) -> None:
        drained = make_endpoint(served, base_url=other_server.base_url)
        other_server.script(tokens=300, rate=50)
        asking.ask(make_conversation(person).pk, "What?")
        begun = asking.tokens(5)

        set_draining(endpoint_id=drained.pk, is_draining=True)
        asking.tokens(200, to=begun)
        with ChatClient(replica, person) as second:
            answer = answered(second, person)
        asking.answer(to=begun)

        assert begun.text == generated(300)
        assert answer.text == generated(60)
        assert other_server.stats()["chat_requests"] == 1
        assert reserve.stats()["chat_requests"] == 1


@pytest.mark.slow
class TestDiscovery:
    def test_finds_the_servers_that_a_name_stands_for_now(
        self, served: InferenceModel, person: User, tmp_path: Path, redis: Redis
    ) -> None:
        hosts, port = tmp_path / "hosts.json", free_port()
        hosts.write_text(json.dumps({"models.test": ["127.0.0.1", "127.0.0.2"]}))
        with (
            running_scripted_server(port=port, host="127.0.0.1") as first,
            running_scripted_server(port=port, host="127.0.0.2") as second,
            running_scripted_server(port=port, host="127.0.0.3") as third,
            running_chat_process(starter="tests.fakes.hosts", HOSTS_FILE=str(hosts)) as chat,
            ChatClient(chat, person) as client,
        ):
            endpoint = make_endpoint(
                served, base_url=f"http://models.test:{port}/v1", discovery=Discovery.DNS
            )
            places = keys.endpoint_places(endpoint.pk)

            def are_found(*addresses: str) -> bool:
                found: Any = redis.get(places)
                return set(json.loads(found or b"{}")) == set(addresses)

            for server in (first, second, third):
                server.script(tokens=300, rate=20)
            wait_until(
                lambda: are_found("127.0.0.1", "127.0.0.2"), seconds=SEEN_SECONDS, what="two"
            )
            for _ in range(4):
                begin(client, person)
            shared = [server.stats()["running"] for server in (first, second, third)]

            hosts.write_text(json.dumps({"models.test": ["127.0.0.3"]}))
            wait_until(lambda: are_found("127.0.0.3"), seconds=2 * SEEN_SECONDS, what="the third")
            begin(client, person)
            wait_until(lambda: third.stats()["running"] == 1, seconds=SEEN_SECONDS, what="question")

        assert shared == [2, 2, 0]
