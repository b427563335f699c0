"""What a browser that watches a brain would be told."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from redis import Redis

from chatbot.brains.models import Brain
from chatbot.contracts import keys

_QUIET_SECONDS = 0.2


@contextlib.contextmanager
def events_of(brain: Brain) -> Iterator[list[dict[str, Any]]]:
    """Yields a list that holds the brain's events after the block."""
    events: list[dict[str, Any]] = []
    with (
        Redis.from_url(settings.REDIS_URL) as client,
        client.pubsub(ignore_subscribe_messages=True) as subscription,
    ):
        subscription.subscribe(keys.brain_changes(brain.pk))
        subscription.get_message(timeout=1)
        yield events
        while message := subscription.get_message(timeout=_QUIET_SECONDS):
            events.append(json.loads(message["data"]))
