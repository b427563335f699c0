"""A completion outlives the process that it was asked of."""

import pytest

from chatbot.accounts.models import User
from tests.chat_service.openai_calls import OpenAICaller, request, streamed
from tests.chat_service.processes import ChatProcess
from tests.factories.inference import make_endpoint, make_model
from tests.fakes.script import generated
from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def model(transactional_db: None, scripted_server: ScriptedServer) -> None:  # noqa: ARG001 - rows
    make_endpoint(make_model(name="Scripted"), base_url=scripted_server.base_url)


class TestCompletionOfADeadProcess:
    def test_is_read_on_elsewhere(
        self,
        chat: ChatProcess,
        other_chat: ChatProcess,
        person: User,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=150, rate=50)
        asked = request(stream=True, stream_options={"include_usage": True})
        with OpenAICaller(other_chat, person).response(
            "POST", "chat/completions", asked
        ) as response:
            begun = streamed(response, count=20)
            other_chat.process.kill()

        rest = OpenAICaller(chat, person).resume(begun.id, f"&starting_after={begun.seqs[-1]}")

        [whole] = [place for place, chunk in enumerate(rest.chunks) if chunk.get("resumed")]
        rest.chunks = rest.chunks[whole:]
        assert rest.text == generated(150)
        assert rest.is_done

    def test_is_fetched_elsewhere(
        self,
        chat: ChatProcess,
        other_chat: ChatProcess,
        person: User,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=60, rate=100)
        with OpenAICaller(other_chat, person).response(
            "POST", "chat/completions", request(stream=True)
        ) as response:
            begun = streamed(response, count=5)

            rest = OpenAICaller(chat, person).resume(begun.id)

        assert rest.text == generated(60)
