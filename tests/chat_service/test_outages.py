"""Answers go on while Redis or PostgreSQL is away."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from redis import Redis

from chatbot.accounts.models import User
from chatbot.conversations.models import Conversation, Message, Turn
from tests.chat_service.client import ChatClient
from tests.chat_service.processes import ChatProcess, running_chat_process
from tests.child_processes import wait_until
from tests.fakes.proxy import Proxy
from tests.fakes.script import generated
from tests.fakes.scripted_server import ScriptedServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
NOT_HELD_UP_SECONDS = 10
"""For answers of two seconds, on a busy machine; whoever waits for Redis waits for ever."""


def readiness(chat: ChatProcess) -> tuple[int, dict[str, Any]]:
    """Status and body of /stream/readyz."""
    try:
        with urllib.request.urlopen(f"{chat.http}/stream/readyz", timeout=10) as response:  # noqa: S310 - our own
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


class TestRedis:
    def test_wiped_in_the_middle_is_filled_again(
        self,
        client: ChatClient,
        other_chat: ChatProcess,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
        redis: Redis,
    ) -> None:
        scripted_server.script(tokens=200, rate=100)
        asked = client.ask(conversation.pk, "What?")
        answer = client.tokens(50)

        redis.flushdb()

        with ChatClient(other_chat, person) as other:
            other.subscribe(asked["turn"])
            read_there = other.answer()
        client.answer(to=answer)
        assert answer.text == generated(200)
        assert [event["seq"] for event in answer.events] == list(range(1, answer.seq + 1))
        assert read_there.events == answer.events

    @pytest.mark.usefixtures("model")
    def test_away_in_the_middle_is_done_without(
        self,
        redis_proxy: Proxy,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=200, rate=100)
        with (
            running_chat_process(REDIS_URL=redis_proxy.url) as chat,
            ChatClient(chat, person) as client,
        ):
            client.ask(conversation.pk, "What?")
            answer = client.tokens(30)

            redis_proxy.cut()
            client.answer(to=answer, seconds=NOT_HELD_UP_SECONDS)
            status = readiness(chat)
            asked = client.ask(conversation.pk, "And now?")
            second = client.answer()
            redis_proxy.restore()

        assert answer.text == generated(200)
        assert status == (200, {"status": "degraded", "postgres": "ok", "redis": "away"})
        assert second.text == generated(200)
        assert Message.objects.get(pk=asked["answer"]).text == generated(200)

    def test_back_again_has_what_was_written_meanwhile(
        self,
        redis_proxy: Proxy,
        client: ChatClient,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=200, rate=60)
        with (
            running_chat_process(REDIS_URL=redis_proxy.url) as chat,
            ChatClient(chat, person) as asking,
        ):
            asked = asking.ask(conversation.pk, "What?")
            answer = asking.tokens(20)
            redis_proxy.cut()
            asking.tokens(40, to=answer)
            redis_proxy.restore()

            client.subscribe(asked["turn"])
            read_there = client.answer()
            asking.answer(to=answer)

        assert answer.text == generated(200)
        assert read_there.events == answer.events

    @pytest.mark.usefixtures("model")
    def test_frozen_in_the_middle_holds_nobody_up(
        self,
        redis_proxy: Proxy,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=100, rate=100)
        with (
            running_chat_process(REDIS_URL=redis_proxy.url) as chat,
            ChatClient(chat, person) as client,
        ):
            client.ask(conversation.pk, "What?")
            answer = client.tokens(20)

            redis_proxy.freeze()
            client.answer(to=answer, seconds=NOT_HELD_UP_SECONDS)
            asked = client.ask(conversation.pk, "And now?")
            second = client.answer(seconds=NOT_HELD_UP_SECONDS)
            redis_proxy.thaw()

        assert answer.text == second.text == generated(100)
        assert Message.objects.get(pk=asked["answer"]).text == generated(100)


class TestPostgres:
    @pytest.mark.usefixtures("model")
    def test_away_in_the_middle_ends_no_stream(
        self,
        postgres_proxy: Proxy,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=150, rate=100)
        with (
            running_chat_process(DATABASE_URL=postgres_proxy.url) as chat,
            ChatClient(chat, person) as client,
        ):
            asked = client.ask(conversation.pk, "What?")
            answer = client.tokens(20)

            postgres_proxy.cut()
            client.tokens(150, to=answer)
            status, _ = readiness(chat)
            client.send(type="ask", conversation=str(conversation.pk), text="?", client_id="new")
            refused = client.until("error")[-1]
            postgres_proxy.restore()
            client.answer(to=answer)
            back, _ = readiness(chat)

        assert status == 503
        assert (refused["code"], refused["client_id"]) == ("unavailable", "new")
        assert refused["retry_after_seconds"] > 0
        assert answer.end["type"] == "turn.completed"
        assert answer.text == generated(150)
        assert Message.objects.get(pk=asked["answer"]).text == answer.text
        assert back == 200

    @pytest.mark.usefixtures("model")
    def test_frozen_gives_a_clear_error_and_recovers(
        self,
        postgres_proxy: Proxy,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=50, rate=100)
        with (
            running_chat_process(DATABASE_URL=postgres_proxy.url) as chat,
            ChatClient(chat, person) as client,
        ):
            client.ask(conversation.pk, "What?")
            client.answer()

            postgres_proxy.freeze()
            client.send(type="ask", conversation=str(conversation.pk), text="?", client_id="new")
            refused = client.until("error", seconds=15)[-1]
            postgres_proxy.thaw()
            client.ask(conversation.pk, "?", client_id="new")
            answer = client.answer()

        assert refused["code"] == "unavailable"
        assert answer.text == generated(50)
        assert Message.objects.filter(conversation=conversation).count() == 4


class TestVanishedClient:
    def test_is_answered_all_the_same(
        self,
        chat: ChatProcess,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=30, rate=100)
        with ChatClient(chat, person) as client:
            client.send(type="ask", conversation=str(conversation.pk), text="What?", client_id="1")

        wait_until(
            lambda: Message.objects.filter(text=generated(30)).exists(), seconds=20, what="answer"
        )
        turn = Turn.objects.get()
        assert (turn.epoch, turn.attempts) == (0, 1)
