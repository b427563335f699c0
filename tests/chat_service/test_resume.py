"""Reading an answer from any number, on any process."""

import pytest
from redis import Redis

from chatbot.accounts.models import User
from chatbot.contracts.events import EPOCH_STRIDE
from chatbot.conversations.models import Conversation, Message
from tests.chat_service.client import Answer, ChatClient, applied
from tests.chat_service.processes import ChatProcess
from tests.fakes.script import generated
from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.django_db(transaction=True)


def read_with_dropped_connections(
    chat: ChatProcess, user: User, turn_id: str, *, events_each: int
) -> Answer:
    """Reads a turn over many connections, each dropped after a few events."""
    answer = Answer()
    while not answer.events or not answer.events[-1]["type"].startswith("turn.c"):
        with ChatClient(chat, user) as client:
            client.subscribe(turn_id, after=answer.seq)
            client.take(answer, events_each)
    return answer


class TestResume:
    def test_tells_each_event_once_whatever_happens_to_the_connection(
        self,
        chat: ChatProcess,
        client: ChatClient,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=120, rate=80)
        asked = client.ask(conversation.pk, "What?")

        answer = read_with_dropped_connections(chat, person, asked["turn"], events_each=5)

        assert answer.text == generated(120)
        assert [event["seq"] for event in answer.events] == list(range(1, answer.seq + 1))

    def test_gives_the_rest_after_every_cut(
        self, client: ChatClient, conversation: Conversation, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=40, rate=200)
        asked = client.ask(conversation.pk, "What?")
        whole = client.answer()

        rests = []
        for cut in range(whole.seq):
            client.subscribe(asked["turn"], after=cut)
            rests.append(client.answer())

        assert [applied([*whole.events[:cut], *rest.events]) for cut, rest in enumerate(rests)] == [
            whole
        ] * len(rests)

    def test_serves_two_readers_alike(
        self,
        chat: ChatProcess,
        client: ChatClient,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=60, rate=150)
        asked = client.ask(conversation.pk, "What?")
        with ChatClient(chat, person) as other:
            other.subscribe(asked["turn"])

            first, second = client.answer(), other.answer()

        assert first.events == second.events

    def test_works_on_another_process_while_the_answer_is_written(
        self,
        client: ChatClient,
        other_chat: ChatProcess,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=150, rate=100)
        asked = client.ask(conversation.pk, "What?")
        begun = client.tokens(10)

        with ChatClient(other_chat, person) as other:
            other.subscribe(asked["turn"], after=begun.seq)
            answer = other.answer(to=begun)

        assert answer.text == generated(150)
        assert [event["seq"] for event in answer.events] == list(range(1, answer.seq + 1))

    def test_needs_nobody_elses_word_on_the_process_that_writes(
        self, client: ChatClient, conversation: Conversation, redis: Redis
    ) -> None:
        redis.flushdb()

        client.ask(conversation.pk, "What?")
        client.answer()

        assert redis.keys("*:wake") == []

    def test_makes_the_events_from_what_is_stored_when_the_log_has_gone(
        self, client: ChatClient, conversation: Conversation, redis: Redis
    ) -> None:
        asked = client.ask(conversation.pk, "What?")
        whole = client.answer()
        redis.flushdb()

        client.subscribe(asked["turn"], after=whole.seq - 3)
        replay = client.answer()

        assert replay.types == ["turn.resumed", "turn.started", "usage", "turn.completed"]
        assert replay.text == whole.text
        assert replay.end == {**whole.end, "seq": replay.seq}
        assert EPOCH_STRIDE // 2 < replay.seq < EPOCH_STRIDE

    def test_finds_the_end_of_an_answer_whose_log_lacks_it(
        self, client: ChatClient, conversation: Conversation, redis: Redis
    ) -> None:
        asked = client.ask(conversation.pk, "What?")
        whole = client.answer()
        log = f"brainstem:turn:{{{asked['turn']}}}:log"
        redis.xdel(log, f"0-{whole.seq}")

        client.subscribe(asked["turn"])
        answer = client.answer()

        assert answer.end["type"] == "turn.completed"
        assert answer.text == whole.text

    def test_says_that_the_conversation_was_deleted(
        self, client: ChatClient, conversation: Conversation, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=1000, rate=50)
        client.ask(conversation.pk, "What?")
        answer = client.tokens(3)

        conversation.delete()

        client.answer(to=answer, seconds=15)
        assert answer.end["code"] == "conversation-deleted"
        assert not Message.objects.exists()
