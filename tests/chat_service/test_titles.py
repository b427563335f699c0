"""Titles by a model: after the first answer, beside everything else, or not at all."""

import contextlib
from collections.abc import Iterator

import pytest

from chat_service.titles import TITLE_SECONDS, TITLE_TOKENS
from chatbot.accounts.models import User
from chatbot.conversations.models import Conversation, TurnState
from chatbot.conversations.services import change_conversation
from chatbot.inference.models import InferenceModel
from tests.chat_service.client import ChatClient
from tests.chat_service.openai_calls import OpenAICaller
from tests.chat_service.processes import ChatProcess
from tests.chat_service.test_metrics import scraped
from tests.child_processes import wait_until
from tests.factories.accounts import make_user
from tests.factories.conversations import make_conversation, make_turn
from tests.factories.inference import make_endpoint, make_model
from tests.fakes.script import generated
from tests.fakes.scripted_server import ScriptedServer, running_scripted_server

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 10


@pytest.fixture(scope="module")
def title_process() -> Iterator[ScriptedServer]:
    with running_scripted_server() as server:
        yield server


@pytest.fixture
def title_server(title_process: ScriptedServer) -> ScriptedServer:
    """Serves the model that writes titles, and no other."""
    title_process.reset()
    return title_process


@pytest.fixture
def titling(
    chat: ChatProcess, title_server: ScriptedServer, scripted_server: ScriptedServer
) -> InferenceModel:
    """The model that writes titles, once the chat process knows it."""
    model = make_model(writes_titles=True)
    make_endpoint(
        model, base_url=title_server.base_url, upstream_model=str(model.pk), concurrency=1
    )
    stranger = make_user()
    with ChatClient(chat, stranger) as client:

        def is_known() -> bool:
            client.ask(make_conversation(stranger).pk, "Is it on?")
            client.until("turn.completed")
            with contextlib.suppress(TimeoutError):
                client.receive(seconds=1)
            # The process may still know the model of the test before.
            return [one["model"] for one in title_server.requests()[-1:]] == [str(model.pk)]

        wait_until(is_known, seconds=SECONDS, what="model for titles")
    scripted_server.reset()
    title_server.reset()
    return model


def outcomes(chat: ChatProcess, outcome: str) -> float:
    """How many titles came to this so far."""
    return scraped(chat)("titles_total", outcome=outcome)


def wait_for_one_more(chat: ChatProcess, outcome: str, before: float) -> None:
    """The chat process has done with the title what it does."""
    wait_until(
        lambda: outcomes(chat, outcome) == before + 1,
        seconds=SECONDS,
        what=f"title that is {outcome}",
    )


def title_of(conversation: Conversation) -> str:
    conversation.refresh_from_db()
    return conversation.title


class TestTitles:
    @pytest.mark.usefixtures("titling")
    def test_are_written_after_the_first_answer(
        self,
        client: ChatClient,
        conversation: Conversation,
        scripted_server: ScriptedServer,
        title_server: ScriptedServer,
    ) -> None:
        scripted_server.script(text="It keeps the body breathing.")
        title_server.script(text='**Title:** "Breathing and the brainstem"', delay_ms=700)

        client.ask(conversation.pk, "What does it do?")
        answer = client.answer()
        at_the_end = title_of(conversation)
        titled = client.receive()

        assert answer.text == "It keeps the body breathing."
        assert at_the_end == "What does it do?"
        assert titled == {
            "type": "conversation.titled",
            "conversation": str(conversation.pk),
            "title": "Breathing and the brainstem",
        }
        assert title_of(conversation) == "Breathing and the brainstem"
        asked = title_server.requests()[-1]
        assert asked["max_tokens"] == TITLE_TOKENS
        told = asked["messages"][-1]["content"]
        assert "<question>\nWhat does it do?\n</question>" in told
        assert "<answer>\nIt keeps the body breathing.\n</answer>" in told

    @pytest.mark.usefixtures("titling")
    def test_speak_korean(
        self,
        client: ChatClient,
        conversation: Conversation,
        scripted_server: ScriptedServer,
        title_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=20, language="ko")
        title_server.script(text="제목: 「뇌간의 역할」\n", cut_utf8=True)

        client.ask(conversation.pk, "뇌간은 무엇을 하나요?")
        titled = client.until("conversation.titled")[-1]

        assert titled["title"] == "뇌간의 역할"
        assert title_of(conversation) == "뇌간의 역할"
        rules = title_server.requests()[-1]["messages"][0]["content"]
        assert "in Korean" in rules

    @pytest.mark.usefixtures("titling")
    def test_are_told_to_all_sockets_of_the_person(
        self,
        client: ChatClient,
        other_chat: ChatProcess,
        person: User,
        conversation: Conversation,
        title_server: ScriptedServer,
    ) -> None:
        title_server.script(text="Breathing", delay_ms=700)
        with ChatClient(other_chat, person) as phone, ChatClient(other_chat, make_user()) as other:
            client.ask(conversation.pk, "What does it do?")
            client.answer()

            told = [client.receive(), phone.receive()]
            other.send(type="ping")

            assert [one["title"] for one in told] == ["Breathing", "Breathing"]
            assert other.receive() == {"type": "pong"}

    @pytest.mark.usefixtures("titling")
    def test_leave_what_the_person_wrote_meanwhile(
        self,
        client: ChatClient,
        chat: ChatProcess,
        person: User,
        conversation: Conversation,
        title_server: ScriptedServer,
    ) -> None:
        kept = outcomes(chat, "kept")
        title_server.script(text="Breathing", delay_ms=700)
        client.ask(conversation.pk, "What does it do?")
        client.answer()
        wait_until(lambda: title_server.stats()["running"] == 1, seconds=SECONDS, what="request")

        change_conversation(user=person, conversation_id=conversation.pk, title="Mine")

        wait_for_one_more(chat, "kept", kept)
        assert title_server.stats()["finished"] == 1
        client.send(type="ping")
        assert client.receive() == {"type": "pong"}
        assert title_of(conversation) == "Mine"

    @pytest.mark.usefixtures("titling")
    def test_are_asked_for_once_where_there_is_none(
        self, client: ChatClient, chat: ChatProcess, person: User, title_server: ScriptedServer
    ) -> None:
        titled = make_conversation(person, title="Mine")
        begun = make_conversation(person)
        make_turn(begun, answer="It breathes.", state=TurnState.COMPLETED)

        for conversation in (titled, begun):
            client.ask(conversation.pk, "What does it do?")
            client.answer()

        OpenAICaller(chat, person).ask(model=InferenceModel.objects.get(writes_titles=False).name)
        # Another one shows that there was time for these.
        client.ask(make_conversation(person).pk, "What does it do?")
        client.until("conversation.titled")
        assert title_server.stats()["chat_requests"] == 1

    @pytest.mark.usefixtures("titling")
    @pytest.mark.parametrize(
        "script",
        [
            pytest.param({"error_status": 500}, id="error"),
            pytest.param({"text": '""'}, id="nothing"),
            pytest.param({"die_after": 1}, id="dies"),
            pytest.param({"malformed_after": 1}, id="malformed"),
        ],
    )
    def test_that_fail_leave_what_there_is(
        self,
        client: ChatClient,
        chat: ChatProcess,
        conversation: Conversation,
        title_server: ScriptedServer,
        script: dict[str, object],
    ) -> None:
        failed = outcomes(chat, "failed")
        title_server.script(**script)

        client.ask(conversation.pk, "What does it do?")
        client.answer()
        wait_for_one_more(chat, "failed", failed)
        assert title_server.stats()["chat_requests"] == 1

        client.send(type="ping")
        assert client.receive() == {"type": "pong"}
        assert title_of(conversation) == "What does it do?"

    def test_that_take_too_long_are_given_up(
        self,
        client: ChatClient,
        person: User,
        titling: InferenceModel,
        conversation: Conversation,
        title_server: ScriptedServer,
    ) -> None:
        title_server.script(text="A title that stops in its middle", stall_after=2)

        client.ask(conversation.pk, "What does it do?")
        client.answer()
        wait_until(
            lambda: title_server.stats()["aborted"] == 1,
            seconds=TITLE_SECONDS + SECONDS,
            what="end of the request",
        )

        assert title_of(conversation) == "What does it do?"
        title_server.script(text="It goes on.")
        client.ask(make_conversation(person, model=titling, title="Mine").pk, "Is there a place?")
        assert client.answer().types[0] == "turn.started"

    def test_are_left_out_where_no_place_is_free(
        self,
        client: ChatClient,
        chat: ChatProcess,
        titling: InferenceModel,
        conversation: Conversation,
        title_server: ScriptedServer,
    ) -> None:
        left_out = outcomes(chat, "busy")
        title_server.script(tokens=500, rate=25)
        busy = make_user()
        with ChatClient(chat, busy) as occupying:
            turn = occupying.ask(make_conversation(busy, model=titling).pk, "Write much.")["turn"]
            occupying.tokens(2)

            client.ask(conversation.pk, "What does it do?")
            answer = client.answer()
            wait_for_one_more(chat, "busy", left_out)

            client.send(type="ping")
            assert client.receive() == {"type": "pong"}
            assert answer.text == generated(60)
            assert title_server.stats()["chat_requests"] == 1
            occupying.send(type="stop", turn=turn)
            occupying.until("turn.stopped")
        assert title_of(conversation) == "What does it do?"

    def test_cost_nothing_where_no_model_writes_them(
        self,
        other_chat: ChatProcess,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        with ChatClient(other_chat, person) as client:
            client.ask(conversation.pk, "What does it do?")
            client.answer()
            client.ask(conversation.pk, "And what else?")
            client.answer()

        assert scripted_server.stats()["chat_requests"] == 2
        assert title_of(conversation) == "What does it do?"
