"""Somebody, and what was begun."""

import pytest

from chatbot.accounts.models import User
from chatbot.conversations.models import Conversation
from tests.factories.accounts import make_user
from tests.factories.conversations import make_conversation


@pytest.fixture
def person(db: None) -> User:  # noqa: ARG001 - the database comes first
    return make_user()


@pytest.fixture
def conversation(person: User) -> Conversation:
    return make_conversation(person)
