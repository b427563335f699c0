"""A chat process, people, and a scripted inference server."""

import os
from collections.abc import Iterator

import pytest
from redis import Redis

from chatbot.accounts.models import User
from chatbot.conversations.models import Conversation
from chatbot.inference.models import InferenceModel
from tests.chat_service.client import ChatClient
from tests.chat_service.processes import ChatProcess, running_chat_process
from tests.child_processes import PROJECT, child_environment
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.conversations import make_conversation
from tests.factories.inference import make_endpoint, make_model
from tests.fakes.proxy import Proxy, running_proxy
from tests.fakes.scripted_server import ScriptedServer, scripted_process, scripted_server

__all__ = ["scripted_process", "scripted_server"]


@pytest.fixture
def person(transactional_db: None) -> User:  # noqa: ARG001 - the database comes first
    return make_user()


@pytest.fixture
def conversation(person: User) -> Conversation:
    return make_conversation(person)


@pytest.fixture(params=["stranger", "owner of the brain", "administrator"])
def outsider(request: pytest.FixtureRequest, conversation: Conversation) -> User:
    """Somebody who may not know of the conversation."""
    outsider = make_user(is_admin=request.param == "administrator")
    owner = outsider if request.param == "owner of the brain" else conversation.user
    conversation.brain = make_brain(owner=owner)
    conversation.save()
    return outsider


@pytest.fixture
def model(transactional_db: None, scripted_server: ScriptedServer) -> None:  # noqa: ARG001 - as above
    """The scripted server answers by default."""
    make_endpoint(base_url=scripted_server.base_url)


@pytest.fixture
def served(transactional_db: None) -> InferenceModel:  # noqa: ARG001 - as above
    """A model whose endpoints are the test's own."""
    return make_model(is_default=True)


@pytest.fixture
def replica(served: InferenceModel) -> Iterator[ChatProcess]:  # noqa: ARG001 - it comes first
    """A replica of the test's own, beside that model."""
    with running_chat_process() as process:
        yield process


@pytest.fixture
def asking(replica: ChatProcess, person: User) -> Iterator[ChatClient]:
    with ChatClient(replica, person) as client:
        yield client


@pytest.fixture(scope="module")
def shared_chat(django_db_setup: None) -> Iterator[ChatProcess]:  # noqa: ARG001 - as above
    """One replica for all tests of a module that do it no harm.

    It ends with them: it would answer later tests' questions, and look after their endpoints.
    """
    with running_chat_process() as process:
        yield process


@pytest.fixture
def chat(shared_chat: ChatProcess, model: None) -> ChatProcess:  # noqa: ARG001 - it answers
    return shared_chat


@pytest.fixture
def other_chat(model: None) -> Iterator[ChatProcess]:  # noqa: ARG001 - it answers
    """A replica of the test's own, which may be harmed."""
    with running_chat_process() as process:
        yield process


@pytest.fixture
def client(chat: ChatProcess, person: User) -> Iterator[ChatClient]:
    with ChatClient(chat, person) as connected:
        yield connected


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis.from_url(os.environ["REDIS_URL"]) as client:
        yield client


@pytest.fixture
def redis_proxy() -> Iterator[Proxy]:
    """Redis as seen by a chat process whose Redis can be taken away."""
    with running_proxy(os.environ["REDIS_URL"]) as proxy:
        yield proxy


@pytest.fixture
def postgres_proxy(transactional_db: None) -> Iterator[Proxy]:  # noqa: ARG001 - it has the name
    """PostgreSQL as seen by a chat process whose PostgreSQL can be taken away."""
    environment = child_environment(settings_module="", home=PROJECT)
    with running_proxy(environment["DATABASE_URL"]) as proxy:
        yield proxy
