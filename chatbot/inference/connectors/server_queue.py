"""How many requests wait inside a model server, where its Prometheus page tells."""

import re
from typing import Final

import httpx

from chatbot.inference.connectors.errors import InferenceError
from chatbot.inference.connectors.protocol import EndpointConfig
from chatbot.inference.connectors.requests import endpoint_request, server_root
from chatbot.inference.connectors.transport import send_async

TIMEOUT: Final = httpx.Timeout(2.0)

_WAITING: Final = re.compile(
    rb"^(?:vllm:num_requests_waiting|sglang:num_queue_reqs|llamacpp:requests_deferred)"
    rb"(?:\{.*\})? ([0-9.e+]+)",
    re.MULTILINE,
)
"""vLLM has a line for each of its engines."""


async def server_queue(endpoint: EndpointConfig) -> int | None:
    """Requests that the server has accepted and not begun; None: it doesn't tell."""
    request = endpoint_request(server_root(endpoint), "metrics", timeout=TIMEOUT)
    try:
        response = await send_async(request)
    except InferenceError:
        return None
    counts = _WAITING.findall(response.content) if response.is_success else []
    return round(sum(map(float, counts))) if counts else None
