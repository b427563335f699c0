"""What a browser that watches a brain would be told."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from redis import Redis
from redis.client import PubSub

from chatbot.brains.models import Brain
from chatbot.contracts import keys

_PATIENCE_SECONDS = 20
_END = "end"


@contextlib.contextmanager
def events_of(brain: Brain) -> Iterator[list[dict[str, Any]]]:
    """Yields a list that holds the brain's events after the block."""
    events: list[dict[str, Any]] = []
    with (
        Redis.from_url(settings.REDIS_URL) as client,
        client.pubsub() as subscription,
    ):
        subscription.subscribe(keys.brain_changes(brain.pk))
        heard(subscription)
        yield events
        events += heard(subscription)


def heard(subscription: PubSub) -> list[dict[str, Any]]:
    """What was published until now: Redis answers the ping after it."""
    subscription.ping(_END)
    messages: list[dict[str, Any]] = []
    for message in iter(lambda: subscription.get_message(timeout=_PATIENCE_SECONDS), None):
        if message["type"] == "pong":
            return messages
        if message["type"] == "message":
            messages.append(json.loads(message["data"]))
    raise TimeoutError("Redis does not answer")
