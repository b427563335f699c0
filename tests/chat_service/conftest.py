"""A chat process, people, and a scripted inference server."""

from collections.abc import Iterator

import pytest

from chatbot.accounts.models import User
from chatbot.conversations.models import Conversation
from tests.chat_service.client import ChatClient
from tests.chat_service.processes import ChatProcess, running_chat_process
from tests.factories.accounts import make_user
from tests.factories.conversations import make_conversation
from tests.factories.inference import make_endpoint
from tests.fakes.scripted_server import ScriptedServer, scripted_process, scripted_server

__all__ = ["scripted_process", "scripted_server"]


@pytest.fixture
def person(transactional_db: None) -> User:
    return make_user()


@pytest.fixture
def conversation(person: User) -> Conversation:
    return make_conversation(person)


@pytest.fixture
def chat(transactional_db: None, scripted_server: ScriptedServer) -> Iterator[ChatProcess]:
    """A replica whose default model is the scripted server."""
    make_endpoint(base_url=scripted_server.base_url)
    with running_chat_process() as process:
        yield process


@pytest.fixture
def client(chat: ChatProcess, person: User) -> Iterator[ChatClient]:
    with ChatClient(chat, person) as connected:
        yield connected
