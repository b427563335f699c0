"""Tokens a day: counted when an answer ends, looked at when a question is asked."""

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from pytest_django import Settings

from chatbot.accounts.models import ApiKey, Scope, User
from chatbot.accounts.services.api_keys import authenticate
from chatbot.contracts.errors import LimitReached
from chatbot.conversations.models import Conversation, DailyTokens, Turn, TurnState
from chatbot.conversations.services import ask, continue_turn, regenerate
from chatbot.conversations.services.answers import Outcome, finalise
from chatbot.conversations.services.claims import claim_turns
from tests.factories.accounts import make_api_key, make_user
from tests.factories.conversations import make_conversation, make_turn

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db(transaction=True)


def today() -> "datetime":
    return timezone.now().astimezone(UTC)


def spend(user: User, conversation: Conversation, tokens: int) -> None:
    """Asks and is answered with so many tokens, question included."""
    asked = ask(user=user, conversation_id=conversation.pk, text="What?")
    claim_turns(owner="me", limit=1, turn_id=asked.turn_id)
    outcome = Outcome(TurnState.COMPLETED, 9, "That.", prompt_tokens=10, written_tokens=tokens - 10)
    finalise(turn_id=asked.turn_id, fence=1, outcome=outcome)


def by_key(user: User) -> User:
    """The person as an API key speaks for them."""
    return authenticate(make_api_key(user, Scope.CHAT)[1])[0]


class TestCounting:
    def test_adds_up_a_persons_answers(self, person: User, conversation: Conversation) -> None:
        spend(person, conversation, 100)
        spend(person, conversation, 50)

        counted = DailyTokens.objects.get()
        assert (counted.user, counted.api_key, counted.day) == (person, None, today().date())
        assert counted.tokens == 150

    def test_adds_up_a_keys_answers_besides(self, person: User, conversation: Conversation) -> None:
        speaker = by_key(person)
        spend(speaker, conversation, 100)
        spend(person, conversation, 50)

        counted = DailyTokens.objects.values_list("api_key", "tokens")
        assert set(counted) == {(None, 150), (speaker.acting_key_id, 100)}
        assert Turn.objects.filter(api_key=speaker.acting_key_id).count() == 1

    def test_leaves_out_what_no_server_counted(
        self, person: User, conversation: Conversation
    ) -> None:
        asked = ask(user=person, conversation_id=conversation.pk, text="What?")
        claim_turns(owner="me", limit=1)

        finalise(turn_id=asked.turn_id, fence=1, outcome=Outcome(TurnState.FAILED, 9, ""))

        assert not DailyTokens.objects.exists()


class TestQuota:
    def test_refuses_whoever_has_used_it_up_until_midnight(
        self, person: User, conversation: Conversation, settings: Settings
    ) -> None:
        settings.TOKENS_PER_DAY = 100
        spend(person, conversation, 100)

        with pytest.raises(LimitReached) as refused:
            ask(user=person, conversation_id=conversation.pk, text="What?")

        assert refused.value.error_code == "quota-exceeded"
        end = today() + timedelta(seconds=refused.value.retry_after_seconds)
        midnight = (today() + timedelta(days=1)).replace(hour=0, minute=0, second=0)
        assert abs(end - midnight) < timedelta(seconds=5)
        assert f"{midnight:%Y-%m-%d 00:00} UTC" in refused.value.way_out

    @pytest.mark.parametrize(
        ("of_settings", "of_person"),
        [
            pytest.param(0, None, id="none set"),
            pytest.param(101, None, id="more is left"),
            pytest.param(10, 0, id="none for this person"),
            pytest.param(10, 200, id="more for this person"),
        ],
    )
    def test_lets_ask_whoever_may(
        self,
        of_settings: int,
        of_person: int | None,
        person: User,
        conversation: Conversation,
        settings: Settings,
    ) -> None:
        spend(person, conversation, 100)
        settings.TOKENS_PER_DAY = of_settings
        User.objects.update(tokens_per_day=of_person)

        assert ask(user=person, conversation_id=conversation.pk, text="What?").created

    def test_is_a_persons_own(self, person: User, conversation: Conversation) -> None:
        spend(person, conversation, 100)
        User.objects.update(tokens_per_day=50)
        other = make_conversation(make_user())

        assert ask(user=other.user, conversation_id=other.pk, text="What?").created

    def test_begins_anew_each_day(
        self, person: User, conversation: Conversation, settings: Settings
    ) -> None:
        settings.TOKENS_PER_DAY = 100
        spend(person, conversation, 100)
        DailyTokens.objects.update(day=today().date() - timedelta(days=1))

        assert ask(user=person, conversation_id=conversation.pk, text="What?").created

    @pytest.mark.parametrize("of_key", [50, None])
    def test_of_a_key_bounds_the_key_alone(
        self, of_key: int | None, person: User, conversation: Conversation, settings: Settings
    ) -> None:
        settings.KEY_TOKENS_PER_DAY = 60
        speaker = by_key(person)
        ApiKey.objects.update(tokens_per_day=of_key)
        spend(speaker, conversation, 100)

        with pytest.raises(LimitReached) as refused:
            ask(user=speaker, conversation_id=conversation.pk, text="What?")

        assert refused.value.error_code == "quota-exceeded"
        assert ask(user=person, conversation_id=conversation.pk, text="What?").created

    @pytest.mark.parametrize("again", [regenerate, continue_turn])
    def test_bounds_other_ways_to_an_answer(
        self, again: type, person: User, conversation: Conversation, settings: Settings
    ) -> None:
        settings.TOKENS_PER_DAY = 100
        spend(person, conversation, 100)
        stopped = make_turn(conversation, answer="Half", state=TurnState.STOPPED)

        with pytest.raises(LimitReached):
            again(user=person, turn_id=stopped.pk)
