"""A conversation is a tree: questions are changed, answers given again, and one path is shown."""

from operator import attrgetter
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chatbot.accounts.models import User
from chatbot.contracts.errors import InvalidInput, LimitReached, NotFound
from chatbot.conversations.models import Conversation, Message, Turn, TurnState
from chatbot.conversations.selectors import is_grounded, messages_of
from chatbot.conversations.services import ask, change_conversation, regenerate
from chatbot.conversations.services.asking import UNFINISHED_PER_USER
from chatbot.conversations.services.claims import claim_turns
from chatbot.conversations.services.history import HISTORY_MESSAGES
from chatbot.conversations.services.turns import Claimer
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.conversations import make_citation, make_conversation, make_turn

if TYPE_CHECKING:
    from chatbot.conversations.services.claims import Claim

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def conversation(person: User) -> Conversation:
    """Two questions with their answers."""
    conversation = make_conversation(person)
    make_turn(conversation, question="One?", answer="1.", state=TurnState.COMPLETED)
    make_turn(conversation, question="Two?", answer="2.", state=TurnState.COMPLETED)
    return conversation


def message(text: str) -> Message:
    return Message.objects.get(text=text)


def turn_of(question: str) -> Turn:
    return Turn.objects.get(question__text=question)


def shown(conversation: Conversation) -> list[str]:
    path = messages_of(user=conversation.user, conversation_id=conversation.pk)
    return [one.text for one in path]


class TestAsk:
    def test_puts_a_question_behind_what_is_shown(
        self, person: User, conversation: Conversation
    ) -> None:
        asked = ask(user=person, conversation_id=conversation.pk, text="Three?")

        assert message("Three?").parent_id == message("2.").pk
        assert Message.objects.get(pk=asked.answer_id).parent_id == asked.question_id
        assert shown(conversation) == ["One?", "1.", "Two?", "2.", "Three?", ""]

    def test_changes_a_question_by_asking_beside_it(
        self, person: User, conversation: Conversation
    ) -> None:
        parent = message("1.").pk

        ask(user=person, conversation_id=conversation.pk, text="Too?", parent_id=parent)

        assert shown(conversation) == ["One?", "1.", "Too?", ""]
        assert message("2.").text

    def test_changes_the_first_question(self, person: User, conversation: Conversation) -> None:
        ask(user=person, conversation_id=conversation.pk, text="Won?", parent_id=None)

        assert shown(conversation) == ["Won?", ""]

    def test_tells_the_model_what_is_on_the_path(
        self, person: User, conversation: Conversation
    ) -> None:
        claims: list[Claim] = []

        ask(
            user=person,
            conversation_id=conversation.pk,
            text="Too?",
            client_id="1",
            claimer=Claimer("me", claims.append),
            parent_id=message("1.").pk,
        )

        assert claims[0].history == (("user", "One?"), ("assistant", "1."))
        assert claims[0].parent_id == message("1.").pk

    def test_asks_once_under_a_client_id_whatever_is_shown_by_now(
        self, person: User, conversation: Conversation
    ) -> None:
        first = ask(user=person, conversation_id=conversation.pk, text="Three?", client_id="1")
        regenerate(user=person, turn_id=turn_of("One?").pk)
        Turn.objects.update(state=TurnState.COMPLETED)
        regenerate(user=person, turn_id=first.turn_id)

        again = ask(user=person, conversation_id=conversation.pk, text="Three?", client_id="1")

        assert (again.turn_id, again.created) == (first.turn_id, False)

    def test_refuses_to_stand_behind_a_question(
        self, person: User, conversation: Conversation
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            ask(
                user=person,
                conversation_id=conversation.pk,
                text="Why?",
                parent_id=message("One?").pk,
            )

        assert "parent" in refused.value.fields

    def test_does_not_find_a_parent_in_another_conversation(
        self, person: User, conversation: Conversation
    ) -> None:
        other = make_turn(make_conversation(person), answer="Elsewhere.")

        with pytest.raises(NotFound):
            ask(
                user=person,
                conversation_id=conversation.pk,
                text="Why?",
                parent_id=other.answer_id,
            )


class TestRegenerate:
    def test_gives_another_answer_to_the_same_question(
        self, person: User, conversation: Conversation
    ) -> None:
        asked = regenerate(user=person, turn_id=turn_of("One?").pk)

        assert asked.created
        assert asked.question_id == message("One?").pk
        assert shown(conversation) == ["One?", ""]
        assert Turn.objects.get(pk=asked.turn_id).state == TurnState.QUEUED

    @pytest.mark.usefixtures("conversation")
    def test_tells_the_model_what_was_said_before(self, person: User) -> None:
        asked = regenerate(user=person, turn_id=turn_of("Two?").pk)

        [claim] = claim_turns(owner="me", limit=5)

        assert (claim.turn_id, claim.question) == (asked.turn_id, "Two?")
        assert claim.history == (("user", "One?"), ("assistant", "1."))

    @pytest.mark.usefixtures("conversation")
    def test_begins_nothing_while_an_answer_is_being_written(self, person: User) -> None:
        first = regenerate(user=person, turn_id=turn_of("Two?").pk)

        again = regenerate(user=person, turn_id=first.turn_id)

        assert (again.turn_id, again.created) == (first.turn_id, False)

    def test_is_bounded_as_asking_is(self, person: User, conversation: Conversation) -> None:
        turn = turn_of("Two?")
        for _ in range(UNFINISHED_PER_USER):
            make_turn(conversation)

        with pytest.raises(LimitReached) as refused:
            regenerate(user=person, turn_id=turn.pk)

        assert refused.value.error_code == "too-many-unfinished"

    @pytest.mark.usefixtures("conversation")
    def test_does_not_find_somebody_elses(self) -> None:
        with pytest.raises(NotFound):
            regenerate(user=make_user(), turn_id=turn_of("Two?").pk)


class TestPath:
    def test_knows_what_stands_beside_each_message(
        self, person: User, conversation: Conversation
    ) -> None:
        ask(user=person, conversation_id=conversation.pk, text="Won?", parent_id=None)
        Turn.objects.update(state=TurnState.COMPLETED)
        second = regenerate(user=person, turn_id=turn_of("Won?").pk)

        path = messages_of(user=person, conversation_id=conversation.pk)

        questions, answers = map(attrgetter("siblings"), path)
        assert questions == [message("One?").pk, message("Won?").pk]
        assert (len(answers), answers[1]) == (2, second.answer_id)

    def test_is_chosen_by_any_message_on_it(self, person: User, conversation: Conversation) -> None:
        ask(user=person, conversation_id=conversation.pk, text="Won?", parent_id=None)

        change_conversation(
            user=person, conversation_id=conversation.pk, leaf_id=message("One?").pk
        )

        assert shown(conversation) == ["One?", "1.", "Two?", "2."]

    def test_goes_to_the_newest_message_behind_the_chosen_one(
        self, person: User, conversation: Conversation
    ) -> None:
        parent = message("1.").pk
        ask(user=person, conversation_id=conversation.pk, text="Too?", parent_id=parent)
        ask(user=person, conversation_id=conversation.pk, text="Won?", parent_id=None)

        change_conversation(
            user=person, conversation_id=conversation.pk, leaf_id=message("One?").pk
        )

        assert shown(conversation) == ["One?", "1.", "Too?", ""]

    def test_stays_in_its_conversation(self, person: User, conversation: Conversation) -> None:
        other = make_turn(make_conversation(person), answer="Elsewhere.")

        with pytest.raises(NotFound):
            change_conversation(
                user=person, conversation_id=conversation.pk, leaf_id=other.answer_id
            )

    @pytest.mark.usefixtures("conversation")
    def test_is_grounded_by_its_own_answers_only(self, person: User) -> None:
        make_citation(turn_of("Two?"), make_brain(owner=person))

        assert is_grounded(after_id=message("2.").pk)
        assert not is_grounded(after_id=message("1.").pk)
        assert not is_grounded(after_id=None)


class TestHistory:
    def test_is_bounded_and_leaves_out_what_has_no_text(self, person: User) -> None:
        conversation = make_conversation(person)
        for number in range(HISTORY_MESSAGES):
            make_turn(conversation, question=f"{number}?", state=TurnState.FAILED)
        make_turn(conversation, question="Last?", answer="Last.", state=TurnState.COMPLETED)
        make_turn(conversation, question="And now?")

        [claim] = claim_turns(owner="me", limit=5)

        assert len(claim.history) == HISTORY_MESSAGES
        assert claim.history[-3:] == (("user", "39?"), ("user", "Last?"), ("assistant", "Last."))

    def test_is_empty_at_the_beginning(self, person: User) -> None:
        make_turn(make_conversation(person), question="And now?")

        [claim] = claim_turns(owner="me", limit=5)

        assert claim.history == ()


class TestMigration:
    def test_makes_one_path_of_every_conversation_so_far(
        self, person: User, conversation: Conversation
    ) -> None:
        make_turn(make_conversation(person), question="Other?", answer="Other.")
        Conversation.objects.update(leaf=None)
        Message.objects.update(parent=None)
        executor = MigrationExecutor(connection)
        executor.migrate([("conversations", "0002_branches")])

        MigrationExecutor(connection).migrate(executor.loader.graph.leaf_nodes())

        assert shown(conversation) == ["One?", "1.", "Two?", "2."]
        assert message("Other?").parent is None
        assert message("Other.").parent == message("Other?")
