"""Is the server there, what does it serve, and what is it?

OpenAI's and Anthropic's list their models; Triton says whether it has loaded the one; a server with
sessions only shows that it is there.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx
import orjson

from chatbot.inference.connectors.anthropic import anthropic_headers
from chatbot.inference.connectors.errors import InferenceError, MalformedAnswer
from chatbot.inference.connectors.kserve_grpc import raise_unless_model_ready
from chatbot.inference.connectors.protocol import Capabilities, EndpointConfig
from chatbot.inference.connectors.requests import (
    endpoint_request,
    raise_unless_success,
    server_root,
)
from chatbot.inference.connectors.transport import send, send_async

TIMEOUT: Final = httpx.Timeout(5.0, connect=2.0)

OWNERS_THAT_CONTINUE: Final = frozenset({"vllm", "sglang", "llamacpp", "scripted"})
"""`owned_by` of servers that go on with a last message of the assistant. llama.cpp does so by
itself, the others with `continue_final_message`, which llama.cpp doesn't mind."""

OWNERS_THAT_TAKE_ANY_NAME: Final = frozenset({"llamacpp", "scripted"})
PROTOCOLS_THAT_LIST: Final = frozenset({"openai", "anthropic"})
"""Of the others we are told which model is there."""
_PATHS: Final = {"kserve-http": "models/{model}/ready", "session": "session"}
"""Where the answer is no list of models, but that there is one."""
_GRPC: Final = "kserve-grpc"
_LLAMA_CPP: Final = "llamacpp"


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
    if endpoint.protocol == _GRPC:
        return asyncio.run(list_models_async(endpoint))
    return _models_in(endpoint, send(_request(endpoint)))


async def list_models_async(endpoint: EndpointConfig) -> list[ServedModel]:
    """The same on an event loop."""
    if endpoint.protocol == _GRPC:
        await raise_unless_model_ready(endpoint)
        return [ServedModel(endpoint.model)]
    return _models_in(endpoint, await send_async(_request(endpoint)))


def _request(endpoint: EndpointConfig) -> httpx.Request:
    headers = anthropic_headers(endpoint) if endpoint.protocol == "anthropic" else None
    path = _PATHS.get(endpoint.protocol, "models").format(model=quote(endpoint.model, safe=""))
    return endpoint_request(endpoint, path, timeout=TIMEOUT, headers=headers)


async def capabilities_of(endpoint: EndpointConfig, *, continues: bool | None) -> Capabilities:
    """What an OpenAI-compatible server can do; `continues` is what we were told, None: nothing.

    Raises:
        InferenceError: it doesn't list its models, and we weren't told either.
    """
    try:
        models = await list_models_async(endpoint)
    except InferenceError:
        if continues is None:
            raise
        models = []
    if continues is None:
        continues = any(model.can_continue for model in models)
    served = _named(endpoint.model, models)
    context = served.context_tokens if served else None
    is_llama_cpp = served is not None and served.owned_by == _LLAMA_CPP
    if is_llama_cpp:
        context = await _slot_tokens(endpoint) or context
    return Capabilities(
        continues=continues,
        counts_tokens=True,
        context_tokens=context or endpoint.context_tokens,
        tells_progress=is_llama_cpp,
    )


def _named(name: str, models: list[ServedModel]) -> ServedModel | None:
    """The model of the name; or the only one, whose server takes any name."""
    found = next((model for model in models if model.name == name), None)
    return found or next((model for model in models if model.takes_any_name), None)


async def _slot_tokens(endpoint: EndpointConfig) -> int | None:
    """What one question at llama.cpp may take: its context is shared out among its slots."""
    request = endpoint_request(server_root(endpoint), "props", timeout=TIMEOUT)
    try:
        response = await send_async(request)
        raise_unless_success(endpoint, response, response.content)
        tokens = orjson.loads(response.content)["default_generation_settings"]["n_ctx"]
    except (InferenceError, orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return tokens if isinstance(tokens, int) else None


def _models_in(endpoint: EndpointConfig, response: httpx.Response) -> list[ServedModel]:
    raise_unless_success(endpoint, response, response.content)
    if endpoint.protocol in _PATHS:
        return [ServedModel(endpoint.model)]
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
