"""One question, one stream of events: through a real socket, from a real process."""

import pytest

from chatbot.conversations.models import Conversation, Turn, TurnState
from tests.chat_service.client import ChatClient
from tests.fakes.script import generated
from tests.fakes.scripted_server import ScriptedServer


@pytest.mark.django_db(transaction=True)
class TestTurn:
    def test_streams_the_answer_and_ends_once(
        self, client: ChatClient, conversation: Conversation, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=40, rate=400)

        asked = client.ask(conversation.pk, "What does it do?")
        answer = client.answer()

        assert answer.types == ["turn.started", "token", "usage", "turn.completed"]
        assert answer.text == generated(40)
        assert answer.end["finish_reason"] == "stop"
        turn = Turn.objects.select_related("answer").get(pk=asked["turn"])
        assert turn.state == TurnState.COMPLETED
        assert turn.answer.text == answer.text
        assert turn.seq == answer.seq
