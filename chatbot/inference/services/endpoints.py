"""One model or endpoint: its API key, whether it works, and whether it comes first."""

import time
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chatbot.contracts.errors import AppError, InvalidInput, NotFound
from chatbot.inference.api_keys import encrypted
from chatbot.inference.connectors.errors import InferenceError
from chatbot.inference.connectors.served_models import ServedModel, list_models
from chatbot.inference.models import InferenceEndpoint, InferenceModel, ModelKind
from chatbot.inference.registry import embedding_client_for, endpoint_config

CHECK_SECONDS = 10.0
NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class EndpointCheck:
    is_healthy: bool
    detail: str
    """A sentence for admins."""


def set_api_key(*, endpoint_id: UUID, api_key: str) -> None:
    """Stores the key encrypted; empty: the endpoint needs none."""
    stored = encrypted(api_key)
    if not InferenceEndpoint.objects.filter(pk=endpoint_id).update(encrypted_api_key=stored):
        raise _no_such_endpoint()


def make_default(*, model_id: UUID) -> None:
    """The model answers, or embeds, where nothing else is chosen; the one before steps back."""
    with transaction.atomic():
        model = _locked_model(model_id)
        InferenceModel.objects.filter(kind=model.kind, is_default=True).update(is_default=False)
        model.is_default = True
        model.save(update_fields=["is_default"])


def set_writes_titles(*, model_id: UUID, writes: bool) -> None:
    """Whether the model names conversations after their first answers; the one before stops.

    Chat processes see it within seconds.

    Raises:
        NotFound: there is no such model.
        InvalidInput: it is no chat model.
    """
    with transaction.atomic():
        model = _locked_model(model_id)
        if writes and model.kind != ModelKind.CHAT:
            raise InvalidInput("Only a chat model can write.", way_out="Choose a chat model.")
        if writes:
            InferenceModel.objects.filter(writes_titles=True).update(writes_titles=False)
        model.writes_titles = writes
        model.save(update_fields=["writes_titles"])


def set_draining(*, endpoint_id: UUID, is_draining: bool) -> None:
    """Whether new questions stay away; what runs there ends as usual.

    Chat processes see it within seconds.
    """
    found = InferenceEndpoint.objects.filter(pk=endpoint_id)
    if not found.update(is_draining=is_draining):
        raise _no_such_endpoint()


def check_endpoint(*, endpoint_id: UUID) -> EndpointCheck:
    """Asks the server, at most for ten seconds, and stores what came of it.

    Chat: does it serve the model? Embeddings: does it embed a word? No transaction is held
    meanwhile.
    """
    endpoint = InferenceEndpoint.objects.select_related("model").filter(pk=endpoint_id).first()
    if endpoint is None:
        raise _no_such_endpoint()
    began = time.monotonic()
    try:
        check = _ask(endpoint)
    except InferenceError as error:
        check = EndpointCheck(is_healthy=False, detail=f"{error} {error.said}".strip())
    except AppError as error:
        check = EndpointCheck(is_healthy=False, detail=f"{error.sentence} {error.way_out}")
    if check.is_healthy:
        milliseconds = round((time.monotonic() - began) * 1000)
        check = EndpointCheck(is_healthy=True, detail=f"{check.detail}; {milliseconds} ms")
    InferenceEndpoint.objects.filter(pk=endpoint.pk).update(
        is_healthy=check.is_healthy, check_detail=check.detail[:500], checked_at=timezone.now()
    )
    return check


def _locked_model(model_id: UUID) -> InferenceModel:
    """The model, once nobody else changes which models come first.

    All models are locked, always in the same order: of two administrators who choose two models,
    one waits for the other.
    """
    models = InferenceModel.objects.select_for_update(no_key=True).order_by("pk")
    model = next((one for one in models if one.pk == model_id), None)
    if model is None:
        raise NotFound("There is no such model.", way_out="Look at the list of models.")
    return model


def _ask(endpoint: InferenceEndpoint) -> EndpointCheck:
    if endpoint.model.kind == ModelKind.EMBEDDING:
        client = embedding_client_for(endpoint, timeout_seconds=CHECK_SECONDS)
        dimensions = len(client.embed(["brainstem"])[0])
        return EndpointCheck(is_healthy=True, detail=f"embeds in {dimensions} dimensions")
    served = list_models(endpoint_config(endpoint))
    found = next((model for model in served if model.name == endpoint.upstream_model), None)
    if found is None and not any(model.takes_any_name for model in served):
        names = ", ".join(model.name for model in served[:NAMES_SHOWN]) or "nothing"
        detail = f"the server is there, but has no {endpoint.upstream_model}; it serves {names}"
        return EndpointCheck(is_healthy=False, detail=detail)
    return EndpointCheck(is_healthy=True, detail=_described(found or served[0]))


def _described(model: ServedModel) -> str:
    parts = [f"serves {model.name}"]
    if model.context_tokens:
        parts.append(f"{model.context_tokens} tokens of context")
    if model.can_continue:
        parts.append("can continue an answer")
    return ", ".join(parts)


def _no_such_endpoint() -> NotFound:
    return NotFound("There is no such endpoint.", way_out="Look at the list of endpoints.")
