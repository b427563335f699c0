"""One question, one stream of events: through a real socket, from a real process."""

import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client
from pytest_django import Settings

from chat_service.tries import MAX_TRIES
from chatbot.accounts.models import User
from chatbot.conversations.models import Conversation, Message, Turn, TurnState
from chatbot.inference.models import InferenceModel
from tests.chat_service.client import ChatClient, Event
from tests.chat_service.processes import ChatProcess, running_chat_process
from tests.child_processes import wait_until
from tests.factories.conversations import make_conversation
from tests.fakes.script import generated
from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.django_db(transaction=True)
STOP_SECONDS = 5
"""On a busy machine; the answers that are stopped would take twenty."""


@pytest.fixture
def _a_minute_with_time_left() -> None:
    """The limit's window doesn't end in the middle of the test."""
    wait_until(lambda: time.time() % 60 < 45, seconds=20, what="new minute")


def over_socket(client: ChatClient, conversation: Conversation) -> Event:
    client.send(type="ask", conversation=str(conversation.pk), text="?", client_id=str(time.time()))
    while (answer := client.receive())["type"] not in {"asked", "error"}:
        pass
    return answer


def over_rest(_client: ChatClient, conversation: Conversation) -> Event:
    rest = Client()
    rest.force_login(conversation.user)
    address = f"/api/v1/conversations/{conversation.pk}/messages"
    answer: Event = rest.post(address, {"text": "?"}, content_type="application/json").json()
    return answer


class TestTurn:
    def test_streams_the_answer_and_ends_once(
        self, client: ChatClient, conversation: Conversation, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=40, rate=400)

        client.ask(conversation.pk, "What does it do?")
        answer = client.answer()

        assert answer.types == ["turn.started", "token", "usage", "turn.completed"]
        assert answer.text == generated(40)
        assert answer.end["finish_reason"] == "stop"
        assert [event["seq"] for event in answer.events] == list(range(1, answer.seq + 1))

    def test_stores_what_was_shown(
        self, client: ChatClient, conversation: Conversation, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=12, delay_ms=30)

        asked = client.ask(conversation.pk, "What does it do?")
        answer = client.answer()

        turn = Turn.objects.select_related("answer").get(pk=asked["turn"])
        assert (turn.state, turn.seq, turn.leased_until) == (TurnState.COMPLETED, answer.seq, None)
        stored = turn.answer
        assert (stored.text, stored.finish_reason) == (answer.text, "stop")
        usage = answer.events[-2]
        assert stored.completion_tokens == usage["completion_tokens"] == 12
        assert stored.prompt_tokens == usage["prompt_tokens"]
        assert stored.ttft_ms == answer.end["ttft_ms"]
        assert 30 <= (stored.ttft_ms or 0) <= answer.end["duration_ms"]
        assert stored.model_name == answer.events[0]["model"]

    def test_costs_what_its_model_costs(
        self,
        other_chat: ChatProcess,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        InferenceModel.objects.update(price_prompt=1, price_completion=2)
        scripted_server.script(tokens=12)

        with ChatClient(other_chat, person) as client:
            asked = client.ask(conversation.pk, "What does it do?")
            client.answer()

        stored = Message.objects.get(pk=asked["answer"])
        assert stored.cost == Decimal((stored.prompt_tokens or 0) + 24) / 1_000_000

    def test_remembers_what_was_said_before(
        self, client: ChatClient, conversation: Conversation, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(text="It breathes.")
        client.ask(conversation.pk, "What does it do?")
        client.answer()

        client.ask(conversation.pk, "And what else?")
        client.answer()

        sent = scripted_server.requests()[-1]["messages"]
        assert [message["role"] for message in sent] == ["system", "user", "assistant", "user"]
        assert [message["content"] for message in sent[1:]] == [
            "What does it do?",
            "It breathes.",
            "And what else?",
        ]

    def test_names_the_conversation_after_its_first_question(
        self, client: ChatClient, conversation: Conversation
    ) -> None:
        client.ask(conversation.pk, "What does\nit do? " + "Please tell me in detail. " * 5)
        client.answer()

        conversation.refresh_from_db()
        assert conversation.title == "What does it do? Please tell me in detail. Please tell me…"

    def test_streams_several_conversations_over_one_socket(
        self, client: ChatClient, person: User, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=60, rate=300)
        conversations = [make_conversation(person) for _ in range(5)]
        turns = [client.ask(one.pk, "What?")["turn"] for one in conversations[:1]]
        for one in conversations[1:]:
            client.send(type="ask", conversation=str(one.pk), text="What?", client_id="1")

        frames = [client.receive() for _ in range(4)]
        while [frame["type"] for frame in frames].count("turn.completed") < 5:
            frames.append(client.receive())

        turns += [frame["turn"] for frame in frames if frame["type"] == "asked"]
        told = {
            turn: "".join(
                frame["text"]
                for frame in frames
                if frame["type"] == "token" and frame["turn"] == turn
            )
            for turn in turns
        }
        assert list(told.values()) == [generated(60)] * 5

    def test_speaks_korean(
        self, client: ChatClient, conversation: Conversation, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=50, language="ko", cut_utf8=True)

        client.ask(conversation.pk, "뇌간은 무엇을 하나요?")
        answer = client.answer()

        assert answer.text == generated(50, "ko")


class TestAsk:
    def test_asks_once_however_often_it_is_sent(
        self, client: ChatClient, conversation: Conversation, scripted_server: ScriptedServer
    ) -> None:
        first = client.ask(conversation.pk, "What?", client_id="same")
        client.answer()

        second = client.ask(conversation.pk, "What?", client_id="same")
        again = client.answer()

        assert second == first
        assert again.text == generated(60)
        assert scripted_server.stats()["chat_requests"] == 1
        assert Message.objects.filter(conversation=conversation).count() == 2

    def test_refuses_another_text_under_the_same_id(
        self, client: ChatClient, conversation: Conversation
    ) -> None:
        client.ask(conversation.pk, "What?", client_id="same")
        client.answer()

        client.send(type="ask", conversation=str(conversation.pk), text="Why?", client_id="same")

        refused = client.receive()
        assert (refused["type"], refused["code"]) == ("error", "client-id-used")
        assert refused["client_id"] == "same"

    @pytest.mark.usefixtures("model", "_a_minute_with_time_left")
    @pytest.mark.parametrize("ask_first", [over_socket, over_rest])
    def test_counts_questions_of_both_doors_together(
        self,
        ask_first: Callable[[ChatClient, Conversation], Event],
        conversation: Conversation,
        person: User,
        settings: Settings,
    ) -> None:
        settings.QUESTION_LIMIT_PER_MINUTE = 1
        with (
            running_chat_process(QUESTION_LIMIT_PER_MINUTE="1") as chat,
            ChatClient(chat, person) as client,
        ):
            first = ask_first(client, conversation)

            refused = [ask(client, conversation) for ask in (over_socket, over_rest)]

        assert "turn" in first
        assert [one["code"] for one in refused] == ["too-many-questions"] * 2
        assert all(1 <= one["retry_after_seconds"] <= 60 for one in refused)


class TestStop:
    def test_keeps_what_was_written(
        self, client: ChatClient, conversation: Conversation, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=500, rate=25)
        asked = client.ask(conversation.pk, "What?")
        answer = client.tokens(10)

        client.send(type="stop", turn=asked["turn"])
        client.answer(to=answer, seconds=STOP_SECONDS)

        assert answer.end["type"] == "turn.stopped"
        stored = Message.objects.get(pk=asked["answer"])
        assert (stored.text, stored.finish_reason) == (answer.text, "stopped")
        assert generated(500).startswith(answer.text)
        assert scripted_server.stats()["running"] == 0

    def test_ends_an_answer_that_has_not_begun(
        self, client: ChatClient, conversation: Conversation, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(delay_ms=20_000, late_headers=True)
        asked = client.ask(conversation.pk, "What?")
        client.until("turn.started")

        client.send(type="stop", turn=asked["turn"])
        answer = client.answer(seconds=STOP_SECONDS)

        assert answer.types == ["turn.stopped"]

    def test_works_from_another_process(
        self,
        client: ChatClient,
        other_chat: ChatProcess,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=1000, rate=50)
        asked = client.ask(conversation.pk, "What?")
        answer = client.tokens(5)

        with ChatClient(other_chat, person) as other:
            other.send(type="stop", turn=asked["turn"])
            client.answer(to=answer, seconds=STOP_SECONDS)

        assert answer.end["type"] == "turn.stopped"


class TestContinue:
    def test_goes_on_from_what_stands(
        self, client: ChatClient, conversation: Conversation, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=80, rate=100)
        asked = client.ask(conversation.pk, "What?")
        stopped = client.tokens(10)
        client.send(type="stop", turn=asked["turn"])
        client.answer(to=stopped)

        client.send(type="continue", turn=asked["turn"])
        again = client.receive()
        answer = client.answer()

        assert again == {**asked, "client_id": ""}
        assert answer.types == ["turn.resumed", "turn.started", "token", "usage", "turn.completed"]
        assert answer.events[0]["text"] == stopped.text
        assert answer.text == generated(80)
        assert answer.events[0]["seq"] > stopped.seq
        assert Message.objects.get(pk=asked["answer"]).text == answer.text

    def test_refuses_a_complete_answer(
        self, client: ChatClient, conversation: Conversation
    ) -> None:
        asked = client.ask(conversation.pk, "What?")
        client.answer()

        client.send(type="continue", turn=asked["turn"])

        refused = client.receive()
        assert (refused["code"], refused["turn"]) == ("answer-complete", asked["turn"])


class TestBranches:
    def test_are_answered_from_their_own_path(
        self, client: ChatClient, conversation: Conversation, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(text="It breathes.")
        client.ask(conversation.pk, "What does it do?")
        client.answer()

        client.send(
            type="ask",
            conversation=str(conversation.pk),
            text="What is it?",
            client_id="changed",
            parent=None,
        )
        client.until("turn.completed")

        sent = scripted_server.requests()[-1]["messages"]
        assert [message["content"] for message in sent[1:]] == ["What is it?"]

    def test_hold_several_answers_to_one_question(
        self, client: ChatClient, conversation: Conversation, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(text="It breathes.")
        first = client.ask(conversation.pk, "What does it do?")
        client.answer()
        scripted_server.script(text="It keeps awake.")

        client.send(type="regenerate", turn=first["turn"])
        second = client.receive()
        answer = client.answer()

        assert (second["type"], second["client_id"]) == ("asked", "")
        assert second["question"] == first["question"]
        assert second["turn"] != first["turn"]
        assert answer.text == "It keeps awake."
        stored = Message.objects.filter(parent=first["question"]).order_by("ordinal")
        assert [one.text for one in stored] == ["It breathes.", "It keeps awake."]


class TestFailure:
    @pytest.mark.parametrize(
        ("script", "code"),
        [
            pytest.param({"die_after": 5}, "inference-gone", id="connection cut"),
            pytest.param({"end_after": 5}, "inference-gone", id="ended without a reason"),
            pytest.param({"error_in_stream_after": 5}, "inference-gone", id="error as an event"),
            pytest.param({"malformed_after": 5}, "inference-malformed", id="half an event"),
        ],
    )
    def test_keeps_the_partial_answer_which_can_be_continued(
        self,
        script: dict[str, object],
        code: str,
        client: ChatClient,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=30, **script)
        asked = client.ask(conversation.pk, "What?")
        answer = client.answer()
        scripted_server.script(tokens=30)

        client.send(type="continue", turn=asked["turn"])
        client.receive()
        completed = client.answer()

        assert (answer.end["type"], answer.end["code"]) == ("turn.failed", code)
        assert answer.end["sentence"]
        assert answer.text == " ".join(generated(30).split()[: 5 * MAX_TRIES])
        assert completed.text == generated(30), completed.events

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            pytest.param(500, "inference-gone", id="broken"),
            pytest.param(503, "inference-busy", id="busy"),
            pytest.param(401, "inference-refused", id="key refused"),
            pytest.param(400, "inference-bad-request", id="not understood"),
        ],
    )
    def test_says_what_happened_and_what_to_do(
        self,
        status: int,
        code: str,
        client: ChatClient,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(error_status=status)

        asked = client.ask(conversation.pk, "What?")
        answer = client.answer()

        assert answer.end["code"] == code
        assert answer.end["sentence"]
        assert answer.end["way_out"]
        turn = Turn.objects.get(pk=asked["turn"])
        assert (turn.state, turn.error_code) == (TurnState.FAILED, code)
        assert turn.error_sentence == answer.end["sentence"]

    def test_says_that_there_is_no_model(self, conversation: Conversation, person: User) -> None:
        with running_chat_process() as chat, ChatClient(chat, person) as client:
            client.ask(conversation.pk, "What?")
            answer = client.answer()

        assert answer.end["code"] == "no-model"
