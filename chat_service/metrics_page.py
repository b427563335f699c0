"""Where Prometheus reads: `GET /stream/metrics`, which the front door doesn't lead to.

With METRICS_TOKEN set, whoever has it may read. Without one only this machine may, and nobody for
whom a proxy speaks: a proxy on this machine would otherwise lend its address to the world.
"""

import asyncio
import hmac
from ipaddress import ip_address
from typing import Final

from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chat_service import metrics
from chat_service.auth import Headers
from chat_service.connection import Receive, Scope, Send
from chat_service.health import has_postgres, has_redis
from chat_service.problems import send_problem
from chat_service.replica import Replica
from chatbot.contracts.errors import AppError, InvalidInput, NotAllowed, NotAuthenticated

_PROXY_HEADERS: Final = ("x-forwarded-for", "forwarded", "via", "x-real-ip")


async def metrics_page(scope: Scope, _receive: Receive, send: Send) -> None:
    """The ASGI application behind `/stream/metrics`."""
    try:
        if scope["method"] not in {"GET", "HEAD"}:
            raise InvalidInput("Figures can only be read.", way_out="Use GET.")
        _check_reader(scope)
    except AppError as error:
        await send_problem(send, error)
        return
    await _look(scope["state"]["replica"])
    body = generate_latest(metrics.REGISTRY)
    headers = [
        (b"content-type", CONTENT_TYPE_LATEST.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _check_reader(scope: Scope) -> None:
    """Raises NotAuthenticated or NotAllowed."""
    headers = Headers(scope["headers"])
    if settings.METRICS_TOKEN:
        kind, _, token = headers.get("authorization").partition(" ")
        is_known = hmac.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
        if kind.lower() != "bearer" or not is_known:
            raise NotAuthenticated(
                "Figures need the token.", way_out="Send METRICS_TOKEN as a bearer token."
            )
    elif not _is_this_machine(scope) or any(headers.get(name) for name in _PROXY_HEADERS):
        raise NotAllowed(
            "Figures are for this machine only.",
            way_out="Set METRICS_TOKEN, and send it as a bearer token.",
        )


def _is_this_machine(scope: Scope) -> bool:
    """Whether the caller's address is a loopback one; over a UNIX socket there is none."""
    client = scope.get("client")
    if not client:
        return False
    try:
        return ip_address(client[0]).is_loopback
    except ValueError:
        return False


async def _look(replica: Replica) -> None:
    """Sets the figures that tell how things are now."""
    postgres, redis = await asyncio.gather(has_postgres(), has_redis(replica))
    metrics.dependency_up.labels("postgres").set(postgres)
    metrics.dependency_up.labels("redis").set(redis)
    metrics.streams.set(replica.active_streams)
    for gauge in (metrics.running, metrics.waiting):
        gauge.clear()
    for endpoint_id, (running, waiting) in replica.places().items():
        metrics.running.labels(str(endpoint_id)).set(running)
        metrics.waiting.labels(str(endpoint_id)).set(waiting)
