"""Which address leads where."""

from collections.abc import Callable, Coroutine
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import URLPattern, path, re_path

from chat_service import openai_door
from chat_service.brain_events import brain_stream
from chat_service.connection import Receive, Scope, Send
from chat_service.health import healthz, readyz
from chat_service.lifespan import lifespan
from chat_service.metrics_page import metrics_page
from chat_service.problems import send_problem
from chat_service.sse import asked_stream, turn_stream
from chat_service.websocket import chat_socket
from chatbot.contracts.errors import NotFound

Application = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]


async def no_such_page(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send_problem(send, NotFound("There is no such address.", way_out="See docs/protocols."))


async def no_such_socket(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close"})


def _route(address: str, application: Application) -> URLPattern:
    return path(address, application)  # type: ignore[arg-type]  # Channels routes to ASGI applications


def _elsewhere(application: Application) -> URLPattern:
    return re_path("", application)  # type: ignore[arg-type]  # Channels routes to ASGI applications


application = ProtocolTypeRouter(
    {
        "lifespan": lifespan,
        "websocket": URLRouter([_route("ws/chat", chat_socket), _elsewhere(no_such_socket)]),
        "http": URLRouter(
            [
                _route("stream/turns/<uuid:turn_id>", turn_stream),
                _route("stream/conversations/<uuid:conversation_id>/messages", asked_stream),
                _route("stream/brains/<uuid:brain_id>/events", brain_stream),
                _route("stream/healthz", healthz),
                _route("stream/readyz", readyz),
                _route("stream/metrics", metrics_page),
                _route("v1/models", openai_door.models),
                _route("v1/models/<path:model>", openai_door.model),
                _route("v1/chat/completions", openai_door.completions),
                _route("v1/chat/completions/<completion>", openai_door.completion_of_id),
                _route("v1/chat/completions/<completion>/cancel", openai_door.cancellation),
                _route("v1/<path:address>", openai_door.elsewhere),
                _elsewhere(no_such_page),
            ]
        ),
    }
)
