"""What the chat service's HTTP side answers beside streams: JSON, and errors as problems."""

import orjson

from chat_service import metrics
from chat_service.connection import Scope, Send
from chatbot.contracts.errors import AppError, MethodNotAllowed
from chatbot.contracts.problems import MEDIA_TYPE, problem, problem_headers


def check_method(scope: Scope, *methods: str) -> None:
    """Lets through what an address takes.

    Raises:
        MethodNotAllowed: the request has another method.
    """
    if scope["method"] not in methods:
        raise MethodNotAllowed(
            f"{scope['method']} is not possible here.", way_out=f"Use {' or '.join(methods)}."
        )


async def send_problem(send: Send, error: AppError) -> None:
    """Answers a request with the problem document of an error; counts it."""
    metrics.refused(error.error_code)
    body = problem(error)
    await send_json(
        send, body, status=body["status"], kind=MEDIA_TYPE, headers=problem_headers(error)
    )


async def send_json(
    send: Send,
    body: object,
    *,
    status: int = 200,
    kind: str = "application/json",
    headers: dict[str, str] | None = None,
) -> None:
    """Answers a request with a JSON document."""
    encoded = orjson.dumps(body)
    sent = {
        "content-type": kind,
        "content-length": str(len(encoded)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **(headers or {}),
    }
    raw = [(name.encode(), value.encode()) for name, value in sent.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": encoded})
