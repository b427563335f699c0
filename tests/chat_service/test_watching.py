"""News of documents, for whoever watches a brain."""

import time
from typing import cast

import pytest
from redis import Redis

from chat_service.watching import RECHECK_SECONDS
from chatbot import jobs
from chatbot.accounts.models import User
from chatbot.brains.models import BrainRole
from chatbot.contracts import keys
from chatbot.contracts.events import DocumentChanged
from tests.chat_service.client import ChatClient
from tests.child_processes import wait_until
from tests.factories.accounts import make_user
from tests.factories.brains import add_member, make_brain

pytestmark = pytest.mark.django_db(transaction=True)


def change(brain: str, pages_done: int) -> DocumentChanged:
    return DocumentChanged(
        type="document.changed",
        brain=brain,
        document="d",
        title="A document",
        state="reading",
        pages_total=3,
        pages_done=pages_done,
        error=None,
        next=None,
        deleted=False,
    )


def subscribers(redis: Redis, channel: str) -> int:
    # redis-py types one class for both kinds of clients.
    found = cast("list[tuple[bytes, int]]", redis.pubsub_numsub(channel))
    return found[0][1]


class TestWatch:
    def test_tells_changes_until_it_is_ended(
        self, client: ChatClient, person: User, redis: Redis
    ) -> None:
        brain = make_brain(owner=person)
        channel = keys.brain_changes(brain.pk)
        client.send(type="watch", brain=str(brain.pk))
        wait_until(lambda: subscribers(redis, channel) == 1, seconds=5, what="subscription")

        jobs.announce_document(change(str(brain.pk), 1))
        told = client.receive()
        client.send(type="unwatch", brain=str(brain.pk))
        wait_until(lambda: subscribers(redis, channel) == 0, seconds=5, what="end of it")

        assert told == change(str(brain.pk), 1)

    @pytest.mark.slow
    def test_ends_when_the_person_has_left_the_brain(
        self, client: ChatClient, person: User, redis: Redis
    ) -> None:
        brain = make_brain(owner=make_user())
        membership = add_member(brain, person, BrainRole.VIEWER)
        client.send(type="watch", brain=str(brain.pk))
        channel = keys.brain_changes(brain.pk)
        wait_until(lambda: subscribers(redis, channel) == 1, seconds=5, what="subscription")

        membership.delete()
        time.sleep(RECHECK_SECONDS)
        jobs.announce_document(change(str(brain.pk), 1))

        refused = client.receive()
        assert (refused["code"], refused["brain"]) == ("not-found", str(brain.pk))
        wait_until(lambda: subscribers(redis, channel) == 0, seconds=5, what="end of it")
