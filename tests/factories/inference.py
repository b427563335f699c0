"""Models and endpoints."""

import itertools
from typing import Any

from chatbot.inference.api_keys import encrypted
from chatbot.inference.models import InferenceEndpoint, InferenceModel, ModelKind

_numbers = itertools.count(1)


def make_model(
    *,
    name: str = "",
    kind: ModelKind = ModelKind.CHAT,
    is_default: bool = False,
    context_tokens: int = 8192,
    **fields: Any,  # noqa: ANN401 - of the row
) -> InferenceModel:
    """A model that nobody serves yet."""
    return InferenceModel.objects.create(
        name=name or f"Model {next(_numbers)}",
        kind=kind,
        is_default=is_default,
        context_tokens=context_tokens,
        **fields,
    )


def make_endpoint(
    model: InferenceModel | None = None,
    *,
    base_url: str = "",
    api_key: str = "",
    **fields: Any,  # noqa: ANN401 - of the row
) -> InferenceEndpoint:
    """An endpoint of the model, or of a new chat model; without an address nobody listens there."""
    return InferenceEndpoint.objects.create(
        model=model or make_model(),
        base_url=base_url or f"http://127.0.0.1:1/v1/{next(_numbers)}",
        encrypted_api_key=encrypted(api_key),
        **{"upstream_model": "scripted", **fields},
    )


def make_embedding_endpoint(
    *, base_url: str = "", upstream_model: str = "scripted-embedding"
) -> InferenceEndpoint:
    """The default embedding model's endpoint."""
    model = make_model(kind=ModelKind.EMBEDDING, is_default=True)
    return make_endpoint(model, base_url=base_url, upstream_model=upstream_model)
