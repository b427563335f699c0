"""Answers of servers that speak something else than OpenAI's API."""

import pytest

from chatbot.accounts.models import User
from chatbot.conversations.models import Conversation, Message
from chatbot.inference.models import InferenceModel, Protocol
from tests.chat_service.client import ChatClient
from tests.chat_service.processes import running_chat_process
from tests.child_processes import wait_until
from tests.factories.inference import make_endpoint
from tests.fakes.script import generated
from tests.fakes.scripted_server import ScriptedServer, running_scripted_server

pytestmark = pytest.mark.django_db(transaction=True)

PATHS = {
    Protocol.ANTHROPIC: "/v1",
    Protocol.KSERVE_HTTP: "/v2",
    Protocol.KSERVE_GRPC: "",
    Protocol.SESSION: "",
}


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
        address = scripted_server.address_for(protocol) + PATHS[protocol]
        make_endpoint(served, base_url=address, protocol=protocol)
        scripted_server.script(tokens=40, language="ko")

        asked = asking.ask(conversation.pk, "왜?")
        answer = asking.answer()

        assert answer.text == generated(40, "ko")
        assert answer.end["finish_reason"] == "stop"
        assert Message.objects.get(pk=asked["answer"]).text == answer.text

    @pytest.mark.parametrize("protocol", [Protocol.KSERVE_HTTP, Protocol.KSERVE_GRPC])
    def test_go_on_at_a_server_of_another_protocol(
        self,
        served: InferenceModel,
        scripted_server: ScriptedServer,
        asking: ChatClient,
        conversation: Conversation,
        protocol: Protocol,
    ) -> None:
        with running_scripted_server() as doomed:
            address = doomed.address_for(protocol) + PATHS[protocol]
            make_endpoint(served, base_url=address, protocol=protocol)
            make_endpoint(
                served,
                base_url=scripted_server.base_url,
                protocol=Protocol.ANTHROPIC,
                priority=1,
            )
            doomed.script(tokens=90, rate=200, die_after=30)
            scripted_server.script(tokens=90)

            asking.ask(conversation.pk, "Why?")
            answer = asking.answer()

        assert answer.text == generated(90)
        assert answer.types.count("turn.resumed") == 1
        assert scripted_server.stats()["chat_requests"] == 1

    def test_go_on_at_a_server_over_grpc(
        self,
        served: InferenceModel,
        scripted_server: ScriptedServer,
        asking: ChatClient,
        conversation: Conversation,
    ) -> None:
        with running_scripted_server() as doomed:
            make_endpoint(served, base_url=doomed.base_url)
            make_endpoint(
                served,
                base_url=scripted_server.address_for(Protocol.KSERVE_GRPC),
                protocol=Protocol.KSERVE_GRPC,
                priority=1,
            )
            doomed.script(tokens=90, language="ko", rate=200, die_after=30)
            scripted_server.script(tokens=90, language="ko")

            asking.ask(conversation.pk, "왜?")
            answer = asking.answer()

        assert answer.text == generated(90, "ko")
        assert answer.types.count("turn.resumed") == 1

    def test_over_grpc_are_stopped_at_the_server(
        self,
        served: InferenceModel,
        scripted_server: ScriptedServer,
        asking: ChatClient,
        conversation: Conversation,
    ) -> None:
        address = scripted_server.address_for(Protocol.KSERVE_GRPC)
        make_endpoint(served, base_url=address, protocol=Protocol.KSERVE_GRPC)
        scripted_server.script(tokens=500, rate=20)
        asked = asking.ask(conversation.pk, "Why?")
        answer = asking.tokens(5)

        asking.send(type="stop", turn=asked["turn"])
        asking.answer(to=answer)

        assert answer.end["type"] == "turn.stopped"
        wait_until(
            lambda: scripted_server.stats()["aborted"] == 1,
            seconds=10,
            what="the end of the call",
        )


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
