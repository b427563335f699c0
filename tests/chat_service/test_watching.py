"""News of documents, for whoever watches a brain."""

from typing import cast

import pytest
from redis import Redis

from chatbot import jobs
from chatbot.accounts.models import User
from chatbot.contracts import keys
from chatbot.contracts.events import DocumentChanged
from tests.chat_service.client import ChatClient
from tests.child_processes import wait_until
from tests.factories.brains import make_brain

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
