"""Making, changing and deleting conversations, and who finds them."""

from uuid import uuid4

import pytest

from chatbot.accounts.models import User
from chatbot.contracts.errors import InvalidInput, NotFound
from chatbot.conversations.models import Conversation, Turn
from chatbot.conversations.selectors import (
    Progress,
    get_conversation,
    get_progress,
    get_turn,
    messages_of,
    readable_conversations,
)
from chatbot.conversations.services import (
    change_conversation,
    create_conversation,
    delete_conversation,
)
from chatbot.conversations.services.conversations import name_conversation
from chatbot.inference.models import ModelKind
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.conversations import make_conversation, make_turn
from tests.factories.inference import make_model

pytestmark = pytest.mark.django_db


class TestCreateConversation:
    def test_is_about_a_brain_and_with_a_model(self, person: User) -> None:
        brain, model = make_brain(owner=person), make_model()

        made = create_conversation(
            user=person, brain_id=brain.pk, model_id=model.pk, title="  A\n title "
        )

        assert (made.user, made.brain, made.model, made.title) == (person, brain, model, "A title")

    def test_does_not_find_a_brain_of_others(self, person: User) -> None:
        with pytest.raises(NotFound):
            create_conversation(user=person, brain_id=make_brain(owner=make_user()).pk)

    @pytest.mark.parametrize("kind", ["absent", "embedding"])
    def test_refuses_what_is_no_chat_model(self, kind: str, person: User) -> None:
        models = {"absent": uuid4(), "embedding": make_model(kind=ModelKind.EMBEDDING).pk}

        with pytest.raises(InvalidInput) as refused:
            create_conversation(user=person, model_id=models[kind])

        assert "model" in refused.value.fields


class TestChangeConversation:
    def test_changes_the_title(self, person: User) -> None:
        conversation = make_conversation(person)

        change_conversation(user=person, conversation_id=conversation.pk, title="New")

        conversation.refresh_from_db()
        assert conversation.title == "New"

    @pytest.mark.parametrize("title", [" ", "x" * 201])
    def test_refuses_a_title_that_is_none(self, title: str, person: User) -> None:
        with pytest.raises(InvalidInput):
            change_conversation(
                user=person, conversation_id=make_conversation(person).pk, title=title
            )


class TestNameConversation:
    def test_gives_a_title_and_leaves_its_place_in_the_list(self, person: User) -> None:
        conversation = make_conversation(person, title="What is it?")
        before = conversation.updated_at

        is_named = name_conversation(
            conversation_id=conversation.pk, title="뇌간", instead_of="What is it?"
        )

        conversation.refresh_from_db()
        assert is_named
        assert (conversation.title, conversation.updated_at) == ("뇌간", before)

    def test_leaves_what_a_person_has_chosen(self, person: User) -> None:
        conversation = make_conversation(person, title="Mine")

        is_named = name_conversation(
            conversation_id=conversation.pk, title="Brainstem", instead_of="What is it?"
        )

        conversation.refresh_from_db()
        assert not is_named
        assert conversation.title == "Mine"

    def test_passes_over_one_that_is_gone(self, db: None) -> None:  # noqa: ARG002 - it is looked for
        assert not name_conversation(conversation_id=uuid4(), title="New", instead_of="Old")


class TestDeleteConversation:
    def test_takes_everything_along(self, person: User) -> None:
        conversation = make_conversation(person)
        make_turn(conversation)

        delete_conversation(user=person, conversation_id=conversation.pk)

        assert not Conversation.objects.exists()
        assert not Turn.objects.exists()

    def test_does_not_find_somebody_elses(self, person: User) -> None:
        with pytest.raises(NotFound):
            delete_conversation(user=person, conversation_id=make_conversation(make_user()).pk)


class TestSelectors:
    def test_find_ones_own(self, person: User) -> None:
        mine = make_conversation(person)
        turn = make_turn(mine)
        make_conversation(make_user())

        assert list(readable_conversations(user=person)) == [mine]
        assert get_conversation(user=person, conversation_id=mine.pk) == mine
        assert [one.text for one in messages_of(user=person, conversation_id=mine.pk)] == [
            turn.question.text,
            "",
        ]
        assert get_turn(user=person, turn_id=turn.pk) == turn
        assert get_progress(user_id=person.pk, turn_id=turn.pk) == Progress(
            turn.state, turn.epoch, turn.seq
        )

    def test_do_not_find_anybody_elses(self, person: User) -> None:
        conversation = make_conversation(make_user())
        turn = make_turn(conversation)

        with pytest.raises(NotFound):
            get_conversation(user=person, conversation_id=conversation.pk)
        with pytest.raises(NotFound):
            messages_of(user=person, conversation_id=conversation.pk)
        with pytest.raises(NotFound):
            get_turn(user=person, turn_id=turn.pk)
        with pytest.raises(NotFound):
            get_progress(user_id=person.pk, turn_id=turn.pk)
