"""Lists: pages of them, and as many queries for a hundred rows as for one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chatbot.accounts.models import User
from chatbot.brains.models import Brain, BrainRole
from chatbot.conversations.models import Citation, Conversation, TurnState
from chatbot.documents.models import VersionState
from chatbot.inference.models import InferenceModel
from tests.factories.accounts import make_api_key, make_group, make_user
from tests.factories.brains import add_member, make_brain
from tests.factories.conversations import make_conversation, make_turn
from tests.factories.documents import make_document
from tests.factories.webhooks import make_webhook

pytestmark = pytest.mark.django_db


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def get(user: User, address: str) -> Any:  # noqa: ANN401 - JSON
    response = client_of(user).get(f"/api/v1/{address}")
    assert response.status_code == 200, response.content
    return response.json()


def owner_of(brain: Brain) -> User:
    assert brain.created_by is not None
    return brain.created_by


def add_document(brain: Brain) -> None:
    make_document(brain, created_by=make_user(), state=VersionState.READY)


def add_people(brain: Brain) -> None:
    add_member(brain, make_user(), BrainRole.VIEWER)
    add_member(brain, make_group(), BrainRole.VIEWER)


def add_brain(brain: Brain) -> None:
    make_document(make_brain(owner=owner_of(brain)))


def add_conversation(brain: Brain) -> None:
    make_conversation(owner_of(brain), brain=brain)
    make_conversation(owner_of(brain))


def add_answer(brain: Brain) -> None:
    """To the only conversation that there is."""
    turn = make_turn(Conversation.objects.get(), state=TurnState.COMPLETED)
    document = make_document(brain)
    assert document.current_version is not None
    Citation.objects.create(
        message=turn.answer,
        ordinal=1,
        document=document,
        version=document.current_version,
        page_from=1,
        page_to=1,
        start=0,
        end=4,
        quote="Some",
    )


def add_group(brain: Brain) -> None:
    make_group(owner_of(brain))


def add_key(brain: Brain) -> None:
    make_api_key(owner_of(brain))


def add_model(_: Brain) -> None:
    InferenceModel.objects.create(name=f"model {InferenceModel.objects.count()}")


LISTS = [
    ("brains", add_brain, 4),
    ("brains/{brain}/members", add_people, 5),
    ("brains/{brain}/documents", add_document, 5),
    ("brains/{brain}/webhooks", make_webhook, 5),
    ("conversations", add_conversation, 5),
    ("conversations/{conversation}/messages", add_answer, 6),
    ("groups", add_group, 4),
    ("auth/api-keys", add_key, 4),
    ("models", add_model, 6),
]
"""With the most queries each may take; two of them are the session and the person."""


@pytest.mark.parametrize(
    ("address", "add", "most"), LISTS, ids=[address for address, _, _ in LISTS]
)
class TestQueries:
    def test_do_not_grow_with_the_list(
        self, address: str, add: Callable[[Brain], object], most: int
    ) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        conversation = make_conversation(user)
        client = client_of(user)
        address = "/api/v1/" + address.format(brain=brain.pk, conversation=conversation.pk)
        add(brain)
        with CaptureQueriesContext(connection) as few:
            client.get(address)
        for _ in range(5):
            add(brain)

        with CaptureQueriesContext(connection) as many:
            response = client.get(address)

        assert response.json()["count"] > 5
        assert len(few) == len(many) <= most


class TestPages:
    def test_have_a_count_and_neighbours(self) -> None:
        user = make_user()
        for _ in range(3):
            make_brain(owner=user)

        page = get(user, "brains?page=2&page_size=1")

        assert (page["count"], len(page["results"])) == (3, 1)
        assert page["next"].endswith("/api/v1/brains?page=3&page_size=1")
        assert page["previous"].endswith("/api/v1/brains?page_size=1")

    def test_hold_200_at_most(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        make_document(brain, title="Long", pages=["text"] * 201)
        document = brain.documents.get()

        page = get(user, f"documents/{document.pk}/pages?page_size=1000")

        assert len(page["results"]) == 200

    def test_keep_the_order_of_the_messages(self) -> None:
        user = make_user()
        conversation = make_conversation(user)
        make_turn(conversation, question="First?", answer="1.", state=TurnState.COMPLETED)
        make_turn(conversation, question="Second?")

        messages = get(user, f"conversations/{conversation.pk}/messages")["results"]

        assert [message["text"] for message in messages] == ["First?", "1.", "Second?", ""]


class TestFilters:
    def test_find_brains_by_name(self) -> None:
        user = make_user()
        make_brain(owner=user, name="Anatomy")
        make_brain(owner=user, name="한국 요리")

        found = get(user, "brains?search=요리")["results"]

        assert [brain["name"] for brain in found] == ["한국 요리"]

    def test_find_documents_by_state_and_title(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        make_document(brain, title="Ready one", state=VersionState.READY)
        make_document(brain, title="Failed one", state=VersionState.FAILED)
        make_document(brain, title="Ready two", state=VersionState.READY)

        found = get(user, f"brains/{brain.pk}/documents?state=ready&search=one")["results"]

        assert [document["title"] for document in found] == ["Ready one"]

    def test_find_conversations_by_title(self) -> None:
        user = make_user()
        make_conversation(user, title="About nerves")
        make_conversation(user, title="About bones")

        found = get(user, "conversations?search=bone")["results"]

        assert [conversation["title"] for conversation in found] == ["About bones"]

    def test_take_no_state_that_there_is_not(self) -> None:
        user, client = make_user(), Client()
        brain = make_brain(owner=user)
        client.force_login(user)

        response = client.get(f"/api/v1/brains/{brain.pk}/documents?state=lost")

        assert "state" in response.json()["fields"]
