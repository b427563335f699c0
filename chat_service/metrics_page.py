"""Where Prometheus reads: `GET /stream/metrics`, which the front door doesn't lead to."""

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chat_service import metrics
from chat_service.auth import Headers
from chat_service.connection import Receive, Scope, Send
from chat_service.health import has_postgres, has_redis
from chat_service.problems import send_problem
from chat_service.replica import Replica
from chatbot.contracts.errors import AppError, InvalidInput
from chatbot.metrics_readers import check_reader


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
    # Over a UNIX socket there is no address.
    address, _ = scope.get("client") or ("", 0)
    check_reader(header=headers.get, address=address)


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
