"""Answers of servers that speak something else than OpenAI's API."""

import pytest

from chatbot.accounts.models import User
from chatbot.conversations.models import Conversation, Message
from chatbot.inference.models import InferenceModel, Protocol
from tests.chat_service.client import ChatClient
from tests.chat_service.processes import running_chat_process
from tests.factories.inference import make_endpoint
from tests.fakes.script import generated
from tests.fakes.scripted_server import ScriptedServer, running_scripted_server

pytestmark = pytest.mark.django_db(transaction=True)

PATHS = {Protocol.ANTHROPIC: "/v1", Protocol.KSERVE_HTTP: "/v2", Protocol.SESSION: ""}


class TestAnswers:
    @pytest.mark.parametrize("protocol", PATHS)
    def test_are_shown_and_stored(
        self,
        served: InferenceModel,
        scripted_server: ScriptedServer,
        asking: ChatClient,
        conversation: Conversation,
        protocol: Protocol,
    ) -> None:
        address = scripted_server.address + PATHS[protocol]
        make_endpoint(served, base_url=address, protocol=protocol)
        scripted_server.script(tokens=40, language="ko")

        asked = asking.ask(conversation.pk, "왜?")
        answer = asking.answer()

        assert answer.text == generated(40, "ko")
        assert answer.end["finish_reason"] == "stop"
        assert Message.objects.get(pk=asked["answer"]).text == answer.text

    def test_go_on_at_a_server_of_another_protocol(
        self,
        served: InferenceModel,
        scripted_server: ScriptedServer,
        asking: ChatClient,
        conversation: Conversation,
    ) -> None:
        with running_scripted_server() as doomed:
            make_endpoint(served, base_url=f"{doomed.address}/v2", protocol=Protocol.KSERVE_HTTP)
            make_endpoint(
                served,
                base_url=scripted_server.base_url,
                protocol=Protocol.ANTHROPIC,
                priority=1,
            )
            doomed.script(tokens=90, die_after=30)
            scripted_server.script(tokens=90)

            asking.ask(conversation.pk, "Why?")
            answer = asking.answer()

        assert answer.text == generated(90)
        assert answer.types.count("turn.resumed") == 1
        assert scripted_server.stats()["chat_requests"] == 1


class TestSessions:
    def test_are_remembered_by_every_process(
        self,
        served: InferenceModel,
        scripted_server: ScriptedServer,
        asking: ChatClient,
        person: User,
        conversation: Conversation,
    ) -> None:
        make_endpoint(served, base_url=scripted_server.address, protocol=Protocol.SESSION)
        asking.ask(conversation.pk, "Why?")
        asking.answer()

        with running_chat_process() as other, ChatClient(other, person) as client:
            client.ask(conversation.pk, "And then?")
            client.answer()

        first, second = scripted_server.requests()
        assert scripted_server.stats()["sessions_made"] == 1
        assert first["parts"][-1]["text"] == "Why?"
        assert second["parts"][-1]["text"] == "And then?"
        assert "conversation so far" not in str(second)
