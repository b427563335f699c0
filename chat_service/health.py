"""Whether this process is alive, and whether it can do its work."""

import asyncio
from typing import Final

from django.db import connection
from redis.exceptions import RedisError

from chat_service.connection import Receive, Scope, Send
from chat_service.database import about_leases
from chat_service.problems import send_json
from chat_service.replica import Replica
from chatbot.contracts.errors import Unavailable

PATIENCE_SECONDS: Final = 2.0
STUCK_SECONDS: Final = 60.0
"""Three statements with their time-outs, and as much again."""


async def healthz(scope: Scope, _receive: Receive, send: Send) -> None:
    """200: the event loop turns, and how late it came to its work in the last ten seconds.

    503: leases have not been looked after for a minute; only a restart helps.
    """
    replica: Replica = scope["state"]["replica"]
    is_stuck = replica.seconds_since_kept > STUCK_SECONDS
    body = {
        "status": "stuck" if is_stuck else "ok",
        "loop_lag_ms": round(replica.loop_watch.worst_lag_seconds * 1000),
    }
    await send_json(send, body, status=503 if is_stuck else 200)


async def readyz(scope: Scope, _receive: Receive, send: Send) -> None:
    """200 `ready`; 200 `degraded`: answers go on without Redis; 503: PostgreSQL is away."""
    replica: Replica = scope["state"]["replica"]
    postgres, redis = await asyncio.gather(has_postgres(), has_redis(replica))
    status = ("ready" if redis else "degraded") if postgres else "unavailable"
    if replica.draining.is_set():
        status = "stopping"
    body = {
        "status": status,
        "postgres": "ok" if postgres else "away",
        "redis": "ok" if redis else "away",
    }
    await send_json(send, body, status=200 if status in {"ready", "degraded"} else 503)


async def has_postgres() -> bool:
    """Whether PostgreSQL answers a statement within two seconds."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await about_leases(_select_one)
    except (Unavailable, TimeoutError):
        return False
    return True


def _select_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


async def has_redis(replica: Replica) -> bool:
    """Whether Redis answers within two seconds."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await replica.commands.ping()
    except (RedisError, OSError, TimeoutError):
        return False
    return True
