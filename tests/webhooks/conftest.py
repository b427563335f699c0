"""A receiver on the loopback interface, which these tests allow."""

import socket
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.outbound.addresses import PrivateHosts
from chatbot.webhooks.models import Webhook
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.webhooks import make_webhook
from tests.fakes.web_server import WebServer, running_web_server


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def brain(user: User) -> Brain:
    return make_brain(owner=user)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[WebServer]:
    settings.OUTBOUND_PRIVATE_HOSTS = PrivateHosts.of(["127.0.0.0/8"])
    with running_web_server() as server:
        yield server


@pytest.fixture
def closed_port() -> int:
    """Of an address on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def webhook(brain: Brain, receiver: WebServer) -> Webhook:
    return make_webhook(brain, url=receiver.url("/hook"))
