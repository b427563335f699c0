"""What stands of an answer when another process, or a later try, goes on with it."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from redis.asyncio import Redis

from chat_service.redis_clients import RedisAway, RedisGate
from chat_service.redis_log import raise_fence, read_page
from chat_service.stream_log import Entry
from chatbot.contracts.events import Source
from chatbot.conversations.services.claims import Claim


@dataclass(slots=True)
class Standing:
    """The text up to an event, and the passages it was written from."""

    seq: int
    text: str
    sources: tuple[Source, ...] | None
    """None: not known."""
    searched: str = ""
    """What was searched for, where that is known not to be the question as it was typed."""


async def standing_of(claim: Claim, *, redis: Redis, gate: RedisGate) -> Standing:
    """The checkpoint, or the stream log where it knows more.

    The fence is raised before the log is read: what a late owner still appends is refused.
    """
    checkpoint = Standing(claim.seq, claim.text, claim.sources or None)
    if not claim.is_orphan:
        return checkpoint
    try:
        await gate.call(lambda: raise_fence(redis, turn_id=claim.turn_id, fence=claim.fence))
        logged = await _read(claim, redis, gate)
    except RedisAway:
        return checkpoint
    if logged.seq < checkpoint.seq:
        sources = checkpoint.sources or logged.sources
        return Standing(checkpoint.seq, checkpoint.text, sources, logged.searched)
    sources = logged.sources or checkpoint.sources
    return Standing(logged.seq, logged.text, sources, logged.searched)


async def _read(claim: Claim, redis: Redis, gate: RedisGate) -> Standing:
    standing = Standing(0, "", None)
    while True:
        after = standing.seq
        page = await gate.call(lambda: read_page(redis, turn_id=claim.turn_id, after=after))  # noqa: B023 - awaited in this round
        if not page:
            return standing
        follow(standing, page)


def follow(standing: Standing, entries: Iterable[Entry]) -> None:
    """Applies events as a client does."""
    pieces = [standing.text]
    for one in entries:
        event = orjson.loads(one.body)
        standing.seq = one.seq
        match event["type"]:
            case "token":
                pieces.append(event["text"])
            case "turn.resumed":
                pieces = [event["text"]]
            case "sources":
                standing.sources = tuple(event["sources"])
                standing.searched = event.get("searched", "")
    standing.text = "".join(pieces)
