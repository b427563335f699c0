"""`GET /v1/models`: is the server there, what does it serve, and what is it?"""

from dataclasses import dataclass
from typing import Any, Final

import httpx
import orjson

from chatbot.inference.connectors.errors import MalformedAnswer
from chatbot.inference.connectors.protocol import EndpointConfig
from chatbot.inference.connectors.statuses import error_of_status, error_of_transport
from chatbot.inference.connectors.transport import async_client, sync_client

TIMEOUT = httpx.Timeout(5.0, connect=2.0)

OWNERS_THAT_CONTINUE: Final = frozenset({"vllm", "sglang", "llamacpp", "scripted"})
"""`owned_by` of servers that go on with a last message of the assistant. llama.cpp does so by
itself, the others with `continue_final_message`, which llama.cpp doesn't mind."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    name: str
    owned_by: str = ""
    context_tokens: int | None = None
    """What the server was started with, where it tells."""

    @property
    def can_continue(self) -> bool:
        return self.owned_by in OWNERS_THAT_CONTINUE


def headers_of(endpoint: EndpointConfig) -> dict[str, str]:
    """What every request to the endpoint carries."""
    headers = {"content-type": "application/json", "accept-encoding": "identity"}
    if endpoint.api_key:
        headers["authorization"] = f"Bearer {endpoint.api_key}"
    return headers


def list_models(endpoint: EndpointConfig) -> list[ServedModel]:
    """The models that the server serves, in its order.

    Raises:
        InferenceError: it doesn't answer, or not like this kind of server.
    """
    try:
        response = sync_client().get(
            f"{endpoint.base_url}/models", headers=headers_of(endpoint), timeout=TIMEOUT
        )
    except httpx.HTTPError as error:
        raise error_of_transport(error) from error
    return _models_in(response, endpoint)


async def list_models_async(endpoint: EndpointConfig) -> list[ServedModel]:
    """The same on an event loop."""
    try:
        response = await async_client().get(
            f"{endpoint.base_url}/models", headers=headers_of(endpoint), timeout=TIMEOUT
        )
    except httpx.HTTPError as error:
        raise error_of_transport(error) from error
    return _models_in(response, endpoint)


def without_key(body: bytes, endpoint: EndpointConfig) -> bytes:
    """What a server says, in case it repeats the key that it refuses."""
    return body.replace(endpoint.api_key.encode(), b"***") if endpoint.api_key else body


def _models_in(response: httpx.Response, endpoint: EndpointConfig) -> list[ServedModel]:
    if not response.is_success:
        body = without_key(response.content, endpoint)
        raise error_of_status(response.status_code, body, headers=response.headers)
    try:
        return [_model(row) for row in orjson.loads(response.content)["data"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise MalformedAnswer("this is no list of models") from error


def _model(row: dict[str, Any]) -> ServedModel:
    context = row.get("max_model_len") or (row.get("meta") or {}).get("n_ctx")
    return ServedModel(
        name=str(row["id"]),
        owned_by=str(row.get("owned_by", "")),
        context_tokens=context if isinstance(context, int) else None,
    )
