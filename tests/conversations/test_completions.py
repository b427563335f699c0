"""Completions: kept for a while, and then no more."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from chatbot.conversations.models import Conversation, Origin
from chatbot.conversations.services.completions import remove_old_completions
from tests.factories.accounts import make_user
from tests.factories.conversations import make_conversation, make_turn

pytestmark = pytest.mark.django_db


def make_aged(*, days: int, origin: Origin) -> Conversation:
    conversation = make_conversation(make_user())
    make_turn(conversation)
    aged = timezone.now() - timedelta(days=days)
    Conversation.objects.filter(pk=conversation.pk).update(updated_at=aged, origin=origin)
    return conversation


class TestRemoveOldCompletions:
    def test_removes_those_that_are_older_than_the_limit(self, settings: Settings) -> None:
        settings.API_CONVERSATION_DAYS = 30
        make_aged(days=31, origin=Origin.API)
        kept = [
            make_aged(days=29, origin=Origin.API),
            make_aged(days=400, origin=Origin.UI),
        ]

        removed = remove_old_completions()

        assert removed == 1
        assert set(Conversation.objects.all()) == set(kept)

    def test_removes_nothing_where_they_are_kept_for_ever(self, settings: Settings) -> None:
        settings.API_CONVERSATION_DAYS = 0
        make_aged(days=4000, origin=Origin.API)

        assert remove_old_completions() == 0
        assert Conversation.objects.exists()
