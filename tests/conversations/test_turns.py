"""Asking, going on, stopping, as services."""

from collections.abc import Callable, Iterator
from threading import Barrier, Thread
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from redis import Redis

from chatbot.accounts.models import User
from chatbot.contracts import keys
from chatbot.contracts.errors import AppError, Conflict, InvalidInput, LimitReached, NotFound
from chatbot.conversations.models import Conversation, Message, Turn, TurnState
from chatbot.conversations.services import Asked, ask, continue_turn, request_stop
from chatbot.conversations.services.asking import UNFINISHED_PER_USER
from chatbot.conversations.services.turns import (
    CLIENT_ID_CHARACTERS,
    QUESTION_CHARACTERS,
    Claimer,
    title_of,
)
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.conversations import make_conversation, make_turn
from tests.listening import heard

if TYPE_CHECKING:
    from chatbot.conversations.services.claims import Claim


@pytest.fixture
def nudges() -> Iterator[Callable[[], list[dict[str, str]]]]:
    """Says what chat processes have heard since the test began."""
    with (
        Redis.from_url(settings.REDIS_URL) as client,
        client.pubsub() as subscription,
    ):
        subscription.subscribe(keys.TURN_NUDGES)
        heard(subscription)
        yield lambda: heard(subscription)


@pytest.mark.django_db(transaction=True)
class TestAsk:
    def test_stores_question_answer_and_a_queued_turn(
        self, person: User, conversation: Conversation, nudges: Callable[[], list[dict[str, str]]]
    ) -> None:
        asked = ask(user=person, conversation_id=conversation.pk, text=" What?\0 ", client_id="1")

        turn = Turn.objects.select_related("question", "answer").get(pk=asked.turn_id)
        assert (turn.question.pk, turn.answer.pk) == (asked.question_id, asked.answer_id)
        assert (turn.question.text, turn.answer.text) == ("What?", "")
        assert (turn.question.ordinal, turn.answer.ordinal) == (1, 2)
        assert (turn.state, turn.fence, turn.epoch, turn.attempts) == (TurnState.QUEUED, 0, 0, 0)
        assert (turn.leased_until, turn.started_at, turn.owner) == (None, None, "")
        assert nudges() == [{"queued": str(asked.turn_id)}]

    def test_goes_to_the_top_of_the_list_under_the_questions_beginning(
        self, person: User, conversation: Conversation
    ) -> None:
        ask(user=person, conversation_id=conversation.pk, text="What\nis it?")
        ask(user=person, conversation_id=conversation.pk, text="Why?")

        before = conversation.updated_at
        conversation.refresh_from_db()
        assert conversation.title == "What is it?"
        assert conversation.updated_at > before

    def test_leaves_a_title_that_somebody_gave(self, person: User) -> None:
        conversation = make_conversation(person, title="Mine")

        ask(user=person, conversation_id=conversation.pk, text="What?")

        conversation.refresh_from_db()
        assert conversation.title == "Mine"

    def test_gives_the_same_turn_for_the_same_client_id(
        self, person: User, conversation: Conversation
    ) -> None:
        first = ask(user=person, conversation_id=conversation.pk, text="What?", client_id="1")
        again = ask(user=person, conversation_id=conversation.pk, text="What?", client_id="1")

        assert (first.created, again.created) == (True, False)
        assert again.turn_id == first.turn_id
        assert Turn.objects.count() == 1

    def test_asks_twice_without_a_client_id(self, person: User, conversation: Conversation) -> None:
        asked = {
            ask(user=person, conversation_id=conversation.pk, text="What?").turn_id
            for _ in range(2)
        }

        assert len(asked) == 2
        ordinals = Message.objects.values_list("ordinal", flat=True)
        assert sorted(ordinals) == [1, 2, 3, 4]

    def test_refuses_another_text_under_the_same_client_id(
        self, person: User, conversation: Conversation
    ) -> None:
        ask(user=person, conversation_id=conversation.pk, text="What?", client_id="1")

        with pytest.raises(Conflict) as refused:
            ask(user=person, conversation_id=conversation.pk, text="Why?", client_id="1")

        assert refused.value.error_code == "client-id-used"

    def test_asks_once_when_it_is_sent_twice_at_the_same_time(
        self, person: User, conversation: Conversation
    ) -> None:
        together, asked = Barrier(4), []

        def ask_it() -> None:
            together.wait()
            asked.append(
                ask(user=person, conversation_id=conversation.pk, text="What?", client_id="1")
            )
            connection.close()

        threads = [Thread(target=ask_it) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len({one.turn_id for one in asked}) == 1
        assert [one.created for one in asked].count(True) == 1

    def test_puts_questions_of_the_same_moment_one_behind_the_other(
        self, person: User, conversation: Conversation
    ) -> None:
        together, asked = Barrier(4), []

        def ask_it() -> None:
            together.wait()
            asked.append(ask(user=person, conversation_id=conversation.pk, text="What?"))
            connection.close()

        threads = [Thread(target=ask_it) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(Message.objects.values_list("ordinal", flat=True)) == list(range(1, 9))

    @pytest.mark.parametrize("whose", ["nobody's", "somebody else's"])
    def test_does_not_find_a_foreign_conversation(self, whose: str, person: User) -> None:
        foreign = {"nobody's": uuid4(), "somebody else's": make_conversation(make_user()).pk}

        with pytest.raises(NotFound):
            ask(user=person, conversation_id=foreign[whose], text="What?")

    @pytest.mark.parametrize(
        ("text", "client_id"),
        [
            pytest.param("  \0 ", "1", id="nothing asked"),
            pytest.param("x" * (QUESTION_CHARACTERS + 1), "1", id="too long"),
            pytest.param("What?", "x" * (CLIENT_ID_CHARACTERS + 1), id="client id too long"),
            pytest.param("What?", "a\0b", id="client id with a NUL"),
        ],
    )
    def test_refuses_what_can_not_be_stored(
        self, text: str, client_id: str, person: User, conversation: Conversation
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            ask(user=person, conversation_id=conversation.pk, text=text, client_id=client_id)

        assert refused.value.fields

    def test_refuses_when_too_many_wait(self, person: User, conversation: Conversation) -> None:
        for _ in range(UNFINISHED_PER_USER):
            make_turn(conversation)

        with pytest.raises(LimitReached) as refused:
            ask(user=person, conversation_id=conversation.pk, text="What?")

        assert refused.value.error_code == "too-many-unfinished"
        assert refused.value.retry_after_seconds > 0

    def test_does_not_count_what_has_ended_or_is_somebody_elses(
        self, person: User, conversation: Conversation
    ) -> None:
        other = make_conversation(make_user())
        for _ in range(UNFINISHED_PER_USER):
            make_turn(other)
            make_turn(conversation, state=TurnState.COMPLETED)

        assert ask(user=person, conversation_id=conversation.pk, text="What?").created

    def test_refuses_a_brain_that_the_person_left(self, person: User) -> None:
        conversation = make_conversation(person, brain=make_brain(owner=make_user()))

        with pytest.raises(AppError) as refused:
            ask(user=person, conversation_id=conversation.pk, text="What?")

        assert refused.value.error_code == "brain-closed"


@pytest.mark.django_db(transaction=True)
class TestAskWithAClaimer:
    def test_gives_all_that_it_takes_to_answer(self, person: User) -> None:
        brain = make_brain(owner=person, instructions="Be short.")
        conversation = make_conversation(person, brain=brain)
        make_turn(conversation, question="Before?", answer="Yes.", state=TurnState.COMPLETED)
        make_turn(conversation, question="Unanswered?", state=TurnState.FAILED)

        claims: list[Claim] = []
        asked = ask(
            user=person,
            conversation_id=conversation.pk,
            text="Now?",
            client_id="1",
            claimer=Claimer("me", claims.append),
        )

        [claim] = claims
        assert (claim.turn_id, claim.fence, claim.epoch) == (asked.turn_id, 1, 0)
        assert (claim.question, claim.instructions, claim.brain_id) == (
            "Now?",
            "Be short.",
            brain.pk,
        )
        assert claim.history == (
            ("user", "Before?"),
            ("assistant", "Yes."),
            ("user", "Unanswered?"),
        )
        turn = Turn.objects.get(pk=asked.turn_id)
        assert (turn.state, turn.owner, turn.fence, turn.attempts) == (
            TurnState.RUNNING,
            "me",
            1,
            1,
        )
        assert turn.leased_until is not None
        assert turn.started_at is not None

    def test_claims_nothing_that_had_been_asked(
        self, person: User, conversation: Conversation
    ) -> None:
        first = ask(user=person, conversation_id=conversation.pk, text="What?", client_id="1")

        claims: list[Claim] = []
        again = ask(
            user=person,
            conversation_id=conversation.pk,
            text="What?",
            client_id="1",
            claimer=Claimer("me", claims.append),
        )

        assert (again.turn_id, again.created, claims) == (first.turn_id, False, [])
        assert Turn.objects.get(pk=first.turn_id).state == TurnState.QUEUED


@pytest.mark.django_db(transaction=True)
class TestContinueTurn:
    @pytest.mark.parametrize(
        ("state", "finish_reason"),
        [
            (TurnState.FAILED, "error"),
            (TurnState.STOPPED, "stopped"),
            (TurnState.COMPLETED, "length"),
        ],
    )
    def test_queues_what_can_go_on(
        self,
        state: TurnState,
        finish_reason: str,
        person: User,
        conversation: Conversation,
        nudges: Callable[[], list[dict[str, str]]],
    ) -> None:
        turn = make_turn(conversation, answer="Half of", state=state, finish_reason=finish_reason)

        asked = continue_turn(user=person, turn_id=turn.pk)

        turn.refresh_from_db()
        turn.answer.refresh_from_db()
        assert asked == Asked(
            turn.pk, turn.question_id, turn.answer_id, conversation.pk, created=True
        )
        assert (turn.state, turn.epoch, turn.attempts) == (TurnState.QUEUED, 1, 0)
        assert (turn.answer.text, turn.answer.finish_reason) == ("Half of", "")
        assert nudges() == [{"queued": str(turn.pk)}]

    def test_refuses_a_complete_answer(self, person: User, conversation: Conversation) -> None:
        turn = make_turn(conversation, state=TurnState.COMPLETED, finish_reason="stop")

        with pytest.raises(Conflict) as refused:
            continue_turn(user=person, turn_id=turn.pk)

        assert refused.value.error_code == "answer-complete"

    @pytest.mark.parametrize("state", [TurnState.QUEUED, TurnState.RUNNING])
    def test_does_nothing_to_an_answer_that_is_being_written(
        self, state: TurnState, person: User, conversation: Conversation
    ) -> None:
        turn = make_turn(conversation, state=state)

        asked = continue_turn(user=person, turn_id=turn.pk)

        turn.refresh_from_db()
        assert (asked.created, turn.state, turn.epoch) == (False, state, 0)

    def test_does_not_find_somebody_elses(self, person: User) -> None:
        turn = make_turn(make_conversation(make_user()), state=TurnState.FAILED)

        with pytest.raises(NotFound):
            continue_turn(user=person, turn_id=turn.pk)


@pytest.mark.django_db(transaction=True)
class TestRequestStop:
    def test_asks_the_writer_to_stop(
        self, person: User, conversation: Conversation, nudges: Callable[[], list[dict[str, str]]]
    ) -> None:
        turn = make_turn(conversation, state=TurnState.RUNNING)

        request_stop(user=person, turn_id=turn.pk)

        turn.refresh_from_db()
        assert (turn.state, turn.stop_requested) == (TurnState.RUNNING, True)
        assert nudges() == [{"stop": str(turn.pk)}]

    def test_ends_what_nobody_writes_yet(self, person: User, conversation: Conversation) -> None:
        turn = make_turn(conversation)

        request_stop(user=person, turn_id=turn.pk)

        turn.refresh_from_db()
        assert turn.state == TurnState.STOPPED
        assert turn.finished_at is not None
        assert Message.objects.get(pk=turn.answer_id).finish_reason == "stopped"

    def test_leaves_what_has_ended(self, person: User, conversation: Conversation) -> None:
        turn = make_turn(conversation, state=TurnState.COMPLETED)

        request_stop(user=person, turn_id=turn.pk)

        turn.refresh_from_db()
        assert (turn.state, turn.stop_requested) == (TurnState.COMPLETED, False)

    def test_does_not_find_somebody_elses(self, person: User) -> None:
        turn = make_turn(make_conversation(make_user()))

        with pytest.raises(NotFound):
            request_stop(user=person, turn_id=turn.pk)


class TestTitleOf:
    @pytest.mark.parametrize(
        ("text", "title"),
        [
            pytest.param("What is it?", "What is it?", id="short"),
            pytest.param("  What\n\tis  it? ", "What is it?", id="spaces"),
            pytest.param("word " * 30, f"{'word ' * 11}word…", id="cut at a word"),
            pytest.param("가" * 80, f"{'가' * 60}…", id="no spaces"),
        ],
    )
    def test_is_the_beginning(self, text: str, title: str) -> None:
        assert title_of(text) == title
