"""Redis names. All carry the prefix, so that a shared server can be cleaned by pattern.

Nothing here is the truth: every key may vanish at any moment.
"""

from typing import Final
from uuid import UUID

PREFIX: Final = "brainstem"
CELERY_PREFIX: Final = f"{PREFIX}:celery:"

SCHEDULER_WAKE: Final = f"{PREFIX}:scheduler:wake"
"""List; a push wakes the scheduler at once. Bounded by the pusher to a few entries."""

TURN_NUDGES: Final = f"{PREFIX}:turns:nudges"
"""Pub/sub channel of the chat service: `{"queued": "<turn>"}` or `{"stop": "<turn>"}`."""

PEOPLE_NEWS: Final = f"{PREFIX}:people:news"
"""Pub/sub channel of the chat service: `{"user": "<id>", "frame": {…}}` for a person's sockets."""

SCHEDULER_ALIVE: Final = f"{PREFIX}:scheduler:alive"
"""Name of the scheduler that leads; expires soon after it has died."""


def worker_slots(queue: str) -> str:
    """Sorted set of a queue's workers, `<slots> <name>`, scored by when they are taken for dead."""
    return f"{PREFIX}:workers:{queue}"


def celery_queue(queue: str) -> str:
    """Celery's list of a queue's messages."""
    return f"{CELERY_PREFIX}{queue}"


def turn_log(turn_id: UUID) -> str:
    """Stream of a turn's events; entry id `0-<seq>`, field `e` holds the event as JSON."""
    return f"{PREFIX}:turn:{{{turn_id}}}:log"


def turn_fence(turn_id: UUID) -> str:
    """The newest owner's fence; an append with a lower one is refused."""
    return f"{PREFIX}:turn:{{{turn_id}}}:fence"


def upstream_session(key: str) -> str:
    """Which session of a model server that holds them belongs to a conversation: JSON."""
    return f"{PREFIX}:session:{key}"


def brain_changes(brain_id: UUID) -> str:
    """Pub/sub channel with a `document.changed` event per change of a document in the brain."""
    return f"{PREFIX}:brain:{brain_id}:changes"


def endpoint_running(endpoint_id: UUID) -> str:
    """Sorted set of the turns that run on an endpoint, scored by the end of their lease."""
    return f"{PREFIX}:endpoint:{{{endpoint_id}}}:running"


def endpoint_waiting(endpoint_id: UUID) -> str:
    """Sorted set of the turns that wait for an endpoint, in fair order."""
    return f"{PREFIX}:endpoint:{{{endpoint_id}}}:waiting"


def endpoint_waiters(endpoint_id: UUID) -> str:
    """Sorted set of the same turns, scored by when their process must have been heard again."""
    return f"{PREFIX}:endpoint:{{{endpoint_id}}}:waiters"


def endpoint_shares(endpoint_id: UUID) -> str:
    """Hash: the virtual time of the fair queue, each user's last tag, the mean answer's seconds."""
    return f"{PREFIX}:endpoint:{{{endpoint_id}}}:shares"


def endpoint_circuit(place_id: UUID) -> str:
    """Why no questions go to a place; absent: they do."""
    return f"{PREFIX}:endpoint:{{{place_id}}}:circuit"


def endpoint_check(place_id: UUID) -> str:
    """What came of the last check of a place; expires soon after checks have ended."""
    return f"{PREFIX}:endpoint:{{{place_id}}}:check"


def endpoint_trial(place_id: UUID) -> str:
    """The chat process that may send a trial question to a place whose circuit is half-open."""
    return f"{PREFIX}:endpoint:{{{place_id}}}:trial"


def endpoint_places(endpoint_id: UUID) -> str:
    """Addresses of an endpoint that is found by DNS, with the place that each of them is."""
    return f"{PREFIX}:endpoint:{{{endpoint_id}}}:places"


ENDPOINT_CHECKER: Final = f"{PREFIX}:endpoints:checker"
"""Name of the chat process that checks all endpoints; expires soon after it has died."""


def chat_wake(process: str) -> str:
    """Stream of at most one entry; an append wakes a chat process that waits for other streams."""
    return f"{PREFIX}:chat:{process}:wake"


def embedding_interactive() -> str:
    """Set for a moment while questions are embedded; ingestion's batches yield to it."""
    return f"{PREFIX}:embedding:interactive"


def throttle(scope: str, identity: str, window: int) -> str:
    """Counter of requests in one window."""
    return f"{PREFIX}:throttle:{scope}:{identity}:{window}"
