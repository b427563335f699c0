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


async def healthz(_scope: Scope, _receive: Receive, send: Send) -> None:
    """The event loop turns."""
    await send_json(send, {"status": "ok"})


async def readyz(scope: Scope, _receive: Receive, send: Send) -> None:
    """200 `ready`; 200 `degraded`: answers go on without Redis; 503: PostgreSQL is away."""
    replica: Replica = scope["state"]["replica"]
    postgres, redis = await asyncio.gather(_has_postgres(), _has_redis(replica))
    status = ("ready" if redis else "degraded") if postgres else "unavailable"
    if replica.draining.is_set():
        status = "stopping"
    body = {
        "status": status,
        "postgres": "ok" if postgres else "away",
        "redis": "ok" if redis else "away",
    }
    await send_json(send, body, status=200 if status in {"ready", "degraded"} else 503)


async def _has_postgres() -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await about_leases(_select_one)
    except (Unavailable, TimeoutError):
        return False
    return True


def _select_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


async def _has_redis(replica: Replica) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await replica.commands.ping()
    except (RedisError, OSError, TimeoutError):
        return False
    return True
