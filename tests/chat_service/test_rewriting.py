"""Follow-up questions of a brain whose owner wants them rewritten before the search."""

import json
import time

import pytest

from chat_service.rewriting import REWRITE_SECONDS, REWRITE_TOKENS
from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.conversations.models import Conversation, TurnState
from tests.chat_service.client import ChatClient, cut_off
from tests.chat_service.openai_calls import OpenAICaller
from tests.chat_service.processes import ChatProcess
from tests.factories.brains import make_brain
from tests.factories.conversations import make_conversation, make_turn
from tests.factories.retrieval import index_document
from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = (
    "The brainstem keeps the body breathing while every other part is busy.",
    "Invoices are paid within thirty days by the office.",
    "청구서는 사무실에서 삼십 일 안에 결제합니다.",
)
STOP_SECONDS = 2.5
"""Less than a rewriting may take."""


@pytest.fixture
def brain(person: User) -> Brain:
    brain = make_brain(owner=person, rewrites_questions=True)
    index_document(brain, *PAGES, title="Handbook")
    return brain


def talk(brain: Brain, **script: object) -> Conversation:
    """A conversation that has begun.

    What was answered is told when a question is to be rewritten, and at no other time as the last
    message: so a directive in it scripts the rewriting alone.
    """
    conversation = make_conversation(brain.created_by or User(), brain=brain)
    directive = f"[[script {json.dumps(script, ensure_ascii=False)}]]"
    make_turn(
        conversation,
        question="Who pays invoices?",
        answer=f"The office. {directive}",
        state=TurnState.COMPLETED,
    )
    return conversation


class TestRewriting:
    def test_finds_what_the_question_is_about(
        self, client: ChatClient, brain: Brain, scripted_server: ScriptedServer
    ) -> None:
        conversation = talk(brain, text='Question: "Within how many days are invoices paid?"')

        client.ask(conversation.pk, "And how soon?")
        answer = client.answer()

        rewriting, asked = scripted_server.requests()
        assert rewriting["max_tokens"] == REWRITE_TOKENS
        told = rewriting["messages"][-1]["content"]
        assert "Question: Who pays invoices?\nAnswer: The office." in told
        assert "<question>\nAnd how soon?\n</question>" in told
        assert answer.sources[0]["quote"] == PAGES[1]
        [event] = [one for one in answer.events if one["type"] == "sources"]
        assert event["searched"] == "Within how many days are invoices paid?"
        assert asked["messages"][-1]["content"].endswith("Question: And how soon?")

    def test_speaks_korean(
        self, client: ChatClient, brain: Brain, scripted_server: ScriptedServer
    ) -> None:
        conversation = talk(brain, text="청구서는 며칠 안에 결제하나요?", cut_utf8=True)

        client.ask(conversation.pk, "며칠 안에요?")
        answer = client.answer()

        assert answer.sources[0]["quote"] == PAGES[2]
        assert "in Korean" in scripted_server.requests()[0]["messages"][0]["content"]

    def test_still_finds_the_words_that_were_typed(self, client: ChatClient, brain: Brain) -> None:
        conversation = talk(brain, text="Who plays?")

        client.ask(conversation.pk, "And breathing?")

        assert PAGES[0] in [source["quote"] for source in client.answer().sources]

    def test_still_finds_nothing_where_there_is_nothing(
        self, client: ChatClient, brain: Brain
    ) -> None:
        conversation = talk(brain, text="Xylophones?")

        client.ask(conversation.pk, "Xylophones?")
        answer = client.answer()

        assert answer.sources == []
        assert "searched" not in next(one for one in answer.events if one["type"] == "sources")

    @pytest.mark.parametrize(
        "script",
        [
            pytest.param({"error_status": 500}, id="error"),
            pytest.param({"text": ""}, id="nothing"),
            pytest.param({"die_after": 1}, id="dies"),
            pytest.param({"malformed_after": 1}, id="malformed"),
            pytest.param({"text": "When", "finish_reason": "length"}, id="cut-off"),
            pytest.param({"stall_after": 1}, id="takes-too-long"),
        ],
    )
    def test_that_fails_leaves_the_question_as_it_was_typed(
        self,
        client: ChatClient,
        brain: Brain,
        scripted_server: ScriptedServer,
        script: dict[str, object],
    ) -> None:
        conversation = talk(brain, **script)

        client.ask(conversation.pk, "Are invoices paid?")
        answer = client.answer()

        assert answer.sources[0]["quote"] == PAGES[1]
        assert answer.end["type"] == "turn.completed"
        assert answer.end["ttft_ms"] < (REWRITE_SECONDS + 2) * 1000
        assert scripted_server.stats()["running"] == 0

    def test_is_ended_by_stop(
        self, client: ChatClient, brain: Brain, scripted_server: ScriptedServer
    ) -> None:
        conversation = talk(brain, delay_ms=20_000, late_headers=True)
        asked = client.ask(conversation.pk, "And how soon?")
        client.until("turn.started")

        began = time.monotonic()
        client.send(type="stop", turn=asked["turn"])
        answer = client.answer(seconds=STOP_SECONDS)

        assert answer.types == ["turn.stopped"]
        assert time.monotonic() - began < STOP_SECONDS
        assert scripted_server.stats()["chat_requests"] == 1

    @pytest.mark.slow
    def test_stays_what_it_was_when_another_process_goes_on(
        self,
        other_chat: ChatProcess,
        client: ChatClient,
        person: User,
        brain: Brain,
        scripted_server: ScriptedServer,
    ) -> None:
        conversation = talk(brain, text="Within how many days are invoices paid?")
        scripted_server.script(tokens=200, rate=50)
        asked, answer = cut_off(other_chat, person, conversation.pk, "And how soon?", words=20)

        client.subscribe(asked["turn"], after=answer.seq)
        client.answer(to=answer)

        first, second = [event for event in answer.events if event["type"] == "sources"]
        assert first["searched"] == "Within how many days are invoices paid?"
        assert second["searched"] == first["searched"]
        assert second["sources"] == first["sources"]
        _, before, after = scripted_server.requests()
        assert after["messages"][: len(before["messages"])] == before["messages"]

    def test_is_not_for_first_questions(
        self, client: ChatClient, person: User, brain: Brain, scripted_server: ScriptedServer
    ) -> None:
        client.ask(make_conversation(person, brain=brain).pk, "Who pays invoices?")
        client.answer()

        assert scripted_server.stats()["chat_requests"] == 1

    def test_looks_at_the_branch_that_the_question_stands_in(
        self, client: ChatClient, brain: Brain, scripted_server: ScriptedServer
    ) -> None:
        conversation = talk(brain, text="Never asked for")

        client.send(
            type="ask",
            conversation=str(conversation.pk),
            text="Are invoices paid?",
            client_id="changed",
            parent=None,
        )
        client.until("turn.completed")

        assert scripted_server.stats()["chat_requests"] == 1

    def test_is_not_done_where_nobody_wants_it(
        self, client: ChatClient, person: User, scripted_server: ScriptedServer
    ) -> None:
        plain = make_brain(owner=person)
        index_document(plain, *PAGES)
        conversation = talk(plain, text="Never asked for")

        client.ask(conversation.pk, "Are invoices paid?")
        client.answer()

        assert scripted_server.stats()["chat_requests"] == 1

    def test_is_not_done_with_long_questions(
        self, client: ChatClient, brain: Brain, scripted_server: ScriptedServer
    ) -> None:
        conversation = talk(brain, text="Never asked for")

        client.ask(conversation.pk, "Are invoices paid? " + "I mean those of this year. " * 30)
        client.answer()

        assert scripted_server.stats()["chat_requests"] == 1

    def test_knows_what_a_completion_brings_along(
        self, chat: ChatProcess, person: User, brain: Brain, scripted_server: ScriptedServer
    ) -> None:
        directive = json.dumps({"text": "Within how many days are invoices paid?"})
        messages = [
            {"role": "user", "content": "Who pays invoices?"},
            {"role": "assistant", "content": f"The office. [[script {directive}]]"},
            {"role": "user", "content": "And how soon?"},
        ]

        OpenAICaller(chat, person).ask(model=f"brain:{brain.pk}", messages=messages)

        assert scripted_server.stats()["chat_requests"] == 2
        assert PAGES[1] in scripted_server.requests()[-1]["messages"][-1]["content"]
