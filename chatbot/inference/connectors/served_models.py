"""`GET /v1/models`: is the server there, what does it serve, and what is it?"""

from dataclasses import dataclass
from typing import Any, Final

import httpx
import orjson

from chatbot.inference.connectors.errors import MalformedAnswer
from chatbot.inference.connectors.protocol import EndpointConfig
from chatbot.inference.connectors.requests import endpoint_request, raise_unless_success
from chatbot.inference.connectors.transport import send, send_async

TIMEOUT: Final = httpx.Timeout(5.0, connect=2.0)

OWNERS_THAT_CONTINUE: Final = frozenset({"vllm", "sglang", "llamacpp", "scripted"})
"""`owned_by` of servers that go on with a last message of the assistant. llama.cpp does so by
itself, the others with `continue_final_message`, which llama.cpp doesn't mind."""

OWNERS_THAT_TAKE_ANY_NAME: Final = frozenset({"llamacpp", "scripted"})


@dataclass(frozen=True, slots=True)
class ServedModel:
    name: str
    owned_by: str = ""
    context_tokens: int | None = None
    """What the server was started with, where it tells."""

    @property
    def can_continue(self) -> bool:
        return self.owned_by in OWNERS_THAT_CONTINUE

    @property
    def takes_any_name(self) -> bool:
        return self.owned_by in OWNERS_THAT_TAKE_ANY_NAME


def list_models(endpoint: EndpointConfig) -> list[ServedModel]:
    """The models that the server serves, in its order.

    Raises:
        InferenceError: it doesn't answer, or not like this kind of server.
    """
    return _models_in(endpoint, send(endpoint_request(endpoint, "models", timeout=TIMEOUT)))


async def list_models_async(endpoint: EndpointConfig) -> list[ServedModel]:
    """The same on an event loop."""
    response = await send_async(endpoint_request(endpoint, "models", timeout=TIMEOUT))
    return _models_in(endpoint, response)


def _models_in(endpoint: EndpointConfig, response: httpx.Response) -> list[ServedModel]:
    raise_unless_success(endpoint, response, response.content)
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
