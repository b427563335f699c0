"""An answer outlives the process that writes it."""

import pytest
from redis import Redis

from chat_service.token_estimate import estimate_tokens
from chatbot.accounts.models import User
from chatbot.contracts.events import EPOCH_STRIDE
from chatbot.conversations.models import Conversation, Message, Turn, TurnState
from tests.chat_service.client import ChatClient, cut_off
from tests.chat_service.processes import ChatProcess
from tests.factories.conversations import make_conversation, make_orphan
from tests.factories.inference import make_endpoint
from tests.fakes.script import generated
from tests.fakes.scripted_server import ScriptedServer, running_scripted_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
END_SECONDS = 8


@pytest.fixture
def doomed(other_chat: ChatProcess) -> ChatProcess:
    """The process that is asked, and then ends."""
    return other_chat


class TestTakeover:
    def test_goes_on_byte_by_byte_after_the_owner_was_killed(
        self,
        doomed: ChatProcess,
        client: ChatClient,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=200, rate=50)
        asked, answer = cut_off(doomed, person, conversation.pk, words=30)

        client.subscribe(asked["turn"], after=answer.seq)
        client.answer(to=answer)

        assert answer.text == generated(200)
        assert answer.types.count("turn.resumed") == 1
        resumed = next(event for event in answer.events if event["type"] == "turn.resumed")
        assert (resumed["epoch"], resumed["seq"]) == (1, EPOCH_STRIDE + 1)
        assert answer.end["type"] == "turn.completed"
        stored = Message.objects.get(pk=asked["answer"])
        assert stored.text == answer.text
        rest = 200 - len(resumed["text"].split())
        assert stored.completion_tokens == estimate_tokens(resumed["text"]) + rest
        turn = Turn.objects.get(pk=asked["turn"])
        assert (turn.state, turn.fence, turn.attempts) == (TurnState.COMPLETED, 2, 2)

    def test_shows_nothing_else_than_what_had_been_shown(
        self,
        doomed: ChatProcess,
        client: ChatClient,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=100, rate=40)
        asked, seen = cut_off(doomed, person, conversation.pk, words=20)

        client.subscribe(asked["turn"], after=seen.seq)
        answer = client.answer()

        resumed = next(event for event in answer.events if event["type"] == "turn.resumed")
        assert resumed["text"].startswith(seen.text)

    def test_goes_on_from_the_checkpoint_when_redis_was_wiped_too(
        self,
        doomed: ChatProcess,
        client: ChatClient,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
        redis: Redis,
    ) -> None:
        scripted_server.script(tokens=400, rate=60)
        asked, _ = cut_off(doomed, person, conversation.pk, words=200)
        redis.flushdb()

        client.subscribe(asked["turn"])
        answer = client.answer()

        assert answer.text == generated(400)
        assert answer.events[0]["type"] == "turn.resumed"
        assert answer.events[0]["text_length"] > 0

    def test_begins_again_where_the_server_can_not_continue(
        self,
        doomed: ChatProcess,
        client: ChatClient,
        person: User,
    ) -> None:
        with running_scripted_server("--owned-by", "somebody", "--rate", "50") as server:
            model = make_endpoint(base_url=server.base_url).model
            conversation = make_conversation(person, model=model)
            asked, answer = cut_off(doomed, person, conversation.pk, words=10)
            server.script(text="Something else.")

            client.subscribe(asked["turn"], after=answer.seq)
            client.answer(to=answer)

        assert answer.text == "Something else."
        assert answer.end["type"] == "turn.completed"

    def test_is_prompt_after_a_polite_end(
        self,
        doomed: ChatProcess,
        client: ChatClient,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=150, rate=50)
        with ChatClient(doomed, person) as asking:
            asked = asking.ask(conversation.pk, "What?")
            answer = asking.tokens(20)

            seconds = doomed.process.terminate()

        client.subscribe(asked["turn"], after=answer.seq)
        client.answer(to=answer)
        assert seconds < END_SECONDS
        assert answer.text == generated(150)
        turn = Turn.objects.get(pk=asked["turn"])
        assert (turn.state, turn.attempts) == (TurnState.COMPLETED, 1)

    def test_fails_what_has_lost_too_many_owners(
        self, client: ChatClient, conversation: Conversation
    ) -> None:
        turn = make_orphan(conversation, attempts=3, answer="Half of")

        client.subscribe(turn.pk)
        answer = client.answer()

        assert answer.end["code"] == "answer-interrupted"
        assert answer.text == "Half of"
