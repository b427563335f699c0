"""What an embedding server takes at once, and how many tokens it makes of a text.

    vLLM             GET /v1/models: max_model_len        POST /tokenize {"model", "prompt"}
    llama.cpp        GET /props: n_ctx of a slot          POST /tokenize {"content"}
    TEI              GET /info: max_input_length …        POST /tokenize {"inputs"}
    the embedded one as vLLM

Others may tell `max_model_len`, or nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import httpx
import orjson

from chatbot.inference.connectors.errors import BadRequest, InferenceError, MalformedAnswer
from chatbot.inference.connectors.protocol import EndpointConfig
from chatbot.inference.connectors.requests import (
    endpoint_request,
    raise_unless_success,
    server_root,
)
from chatbot.inference.connectors.served_models import TIMEOUT, ServedModel, list_models
from chatbot.inference.connectors.transport import send

COUNT_TIMEOUT: Final = httpx.Timeout(10.0, connect=2.0)
EMBEDDED_OWNER: Final = "brainstem"
"""`owned_by` of the server that comes with the embedded stack."""


class Counting(StrEnum):
    """How a server is asked for the tokens of a text."""

    NONE = ""
    VLLM = "vllm"
    LLAMA_CPP = "llamacpp"
    TEI = "tei"


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What a server says of itself; None: it doesn't."""

    max_tokens: int | None = None
    """Of one text."""
    batch_tokens: int | None = None
    """Of all texts of a request."""
    batch_texts: int | None = None
    counting: Counting = Counting.NONE
    is_embedded: bool = False
    """It has a core or two, which people's questions need as well."""


def server_limits(endpoint: EndpointConfig) -> ServerLimits:
    """What the server tells; asks it, for some seconds at most.

    Raises:
        InferenceError: it doesn't answer.
    """
    try:
        served = _served(endpoint, list_models(endpoint))
    except (BadRequest, MalformedAnswer):
        # Some have no list of models.
        served = None
    if served is not None and served.owned_by == EMBEDDED_OWNER:
        return ServerLimits(served.context_tokens, counting=Counting.VLLM, is_embedded=True)
    if served is not None and served.owned_by == Counting.VLLM:
        return ServerLimits(served.context_tokens, counting=Counting.VLLM)
    if served is not None and served.owned_by == Counting.LLAMA_CPP:
        slot = _told(endpoint, "props").get("default_generation_settings")
        own = _number(slot, "n_ctx") if isinstance(slot, dict) else None
        return ServerLimits(own or served.context_tokens, counting=Counting.LLAMA_CPP)
    told = _told(endpoint, "info")
    if longest := _number(told, "max_input_length"):
        return ServerLimits(
            longest,
            batch_tokens=_number(told, "max_batch_tokens"),
            batch_texts=_number(told, "max_client_batch_size"),
            counting=Counting.TEI,
        )
    return ServerLimits(served.context_tokens if served else None)


def count_tokens(
    endpoint: EndpointConfig, counting: Counting, texts: Sequence[str]
) -> list[int] | None:
    """How many tokens the server makes of each text; None: it can't tell, or doesn't now."""
    try:
        if counting is Counting.TEI:
            rows = _tokenized(endpoint, {"inputs": list(texts), "add_special_tokens": True})
            return [len(row) for row in rows] if len(rows) == len(texts) else None
        if counting is Counting.LLAMA_CPP:
            wanted = ({"content": text, "add_special": True} for text in texts)
            return [len(_tokenized(endpoint, one)["tokens"]) for one in wanted]
        if counting is Counting.VLLM:
            asked = ({"model": endpoint.model, "prompt": text} for text in texts)
            return [int(_tokenized(endpoint, one)["count"]) for one in asked]
    except (InferenceError, KeyError, TypeError, ValueError):
        return None
    return None


def _served(endpoint: EndpointConfig, models: Sequence[ServedModel]) -> ServedModel | None:
    """The model of the name; or the only one."""
    named = next((model for model in models if model.name == endpoint.model), None)
    return named or (models[0] if len(models) == 1 else None)


def _told(endpoint: EndpointConfig, path: str) -> dict[str, Any]:
    """What a server says beside OpenAI's API; nothing where it says nothing."""
    try:
        told = _read(endpoint, endpoint_request(server_root(endpoint), path, timeout=TIMEOUT))
    except InferenceError:
        return {}
    return told if isinstance(told, dict) else {}


def _tokenized(endpoint: EndpointConfig, body: dict[str, Any]) -> Any:  # noqa: ANN401 - as sent
    root = server_root(endpoint)
    content = orjson.dumps(body)
    return _read(
        endpoint, endpoint_request(root, "tokenize", content=content, timeout=COUNT_TIMEOUT)
    )


def _read(endpoint: EndpointConfig, request: httpx.Request) -> Any:  # noqa: ANN401 - as sent
    response = send(request)
    raise_unless_success(endpoint, response, response.content)
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError as error:
        raise MalformedAnswer("this is no JSON") from error


def _number(told: dict[str, Any], name: str) -> int | None:
    number = told.get(name)
    return number if type(number) is int and number > 0 else None
