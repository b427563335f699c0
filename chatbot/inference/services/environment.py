"""Endpoints that the environment names: INFERENCE_URL and EMBEDDING_URL become rows.

The environment has the last word on these rows, at every start; what an administrator made is left
alone, and so is the name that an administrator gave to a model.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from chatbot.contracts.errors import InvalidInput
from chatbot.inference.addresses import (
    normalised_base_url,
    validate_base_url,
    validate_discovery,
    validate_scheme,
)
from chatbot.inference.api_keys import ApiKeyUnreadable, decrypted, encrypted, validate_api_key
from chatbot.inference.connectors.errors import BadRequest, InferenceError
from chatbot.inference.connectors.protocol import EndpointConfig
from chatbot.inference.connectors.served_models import (
    PROTOCOLS_THAT_LIST,
    ServedModel,
    list_models,
)
from chatbot.inference.models import InferenceEndpoint, InferenceModel, ModelKind, Protocol, Source
from chatbot.inference.services.endpoints import set_writes_titles

if TYPE_CHECKING:
    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

WAIT_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 1.0
_LOCK: Final = 0x62_72_61_69_6E
"""Of PostgreSQL's advisory locks: one process at a time writes these rows."""
_VARIABLE: Final = {ModelKind.CHAT: "INFERENCE", ModelKind.EMBEDDING: "EMBEDDING"}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An endpoint as the environment describes it."""

    kind: ModelKind
    protocol: str
    base_url: str
    api_key: str
    served: ServedModel


def sync_environment_endpoints(*, wait_seconds: float = WAIT_SECONDS) -> list[InferenceEndpoint]:
    """Makes the rows agree with the environment; returns those that it names.

    Where a variable names no model, the server is asked, and waited for so long. Can be called by
    several processes at once, and again at any time.

    Raises:
        InvalidInput: an address is wrong.
        InferenceError: a server that has to be asked doesn't answer.
    """
    deadline = time.monotonic() + wait_seconds
    wanted = {kind: _wanted(kind, deadline=deadline) for kind in _VARIABLE}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        return [
            endpoint for kind, one in wanted.items() if (endpoint := _write(kind, one)) is not None
        ]


def nice_name(upstream_model: str) -> str:
    """What people read: the last part of a path or repository, without a file's suffix."""
    last = upstream_model.rstrip("/").rpartition("/")[2]
    return last.removesuffix(".gguf") or upstream_model


def _wanted(kind: ModelKind, *, deadline: float) -> _Wanted | None:
    server = settings.CHAT_SERVER if kind == ModelKind.CHAT else settings.EMBEDDING_SERVER
    if not server.url:
        return None
    protocol = settings.CHAT_PROTOCOL if kind == ModelKind.CHAT else Protocol.OPENAI
    with _blaming(f"{_VARIABLE[kind]}_URL"):
        base_url = normalised_base_url(server.url, protocol)
        validate_base_url(base_url)
        validate_scheme(base_url, protocol)
        if kind == ModelKind.CHAT:
            validate_discovery(base_url, settings.CHAT_DISCOVERY)
    with _blaming(f"{_VARIABLE[kind]}_API_KEY"):
        validate_api_key(server.api_key)
    if not server.model and protocol not in PROTOCOLS_THAT_LIST:
        raise InvalidInput(
            f"A server of the protocol {protocol} doesn't say which models it has.",
            way_out=f"Name the model in {_VARIABLE[kind]}_MODEL.",
        )
    config = EndpointConfig(
        base_url=base_url, model=server.model, api_key=server.api_key, protocol=protocol
    )
    served = _named(config) if server.model else _asked(kind, config, deadline=deadline)
    return _Wanted(
        kind=kind, protocol=protocol, base_url=base_url, api_key=server.api_key, served=served
    )


@contextmanager
def _blaming(variable: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        sentence = f"{variable} is wrong: {' '.join(error.messages)}"
        raise InvalidInput(sentence, way_out="Change the variable and start again.") from error


def _named(config: EndpointConfig) -> ServedModel:
    """The model that the environment names; the server may tell more about it, if it is there."""
    try:
        listed = {model.name: model for model in list_models(config)}
    except InferenceError:
        listed = {}
    return listed.get(config.model, ServedModel(config.model))


def _asked(kind: ModelKind, config: EndpointConfig, *, deadline: float) -> ServedModel:
    """The model that the server serves, or the one that it served the last time."""
    while True:
        try:
            return _first(kind, list_models(config))
        except InferenceError as error:
            if time.monotonic() + RETRY_SECONDS < deadline:
                logger.info("waiting for the server of %s_URL: %s", _VARIABLE[kind], error)
                time.sleep(RETRY_SECONDS)
                continue
            known = _rows(kind).filter(base_url=config.base_url).first()
            if known is None:
                raise
            logger.warning("%s_URL doesn't answer: %s", _VARIABLE[kind], error)
            return ServedModel(known.upstream_model)


def _first(kind: ModelKind, served: list[ServedModel]) -> ServedModel:
    """The first of the kind, as far as names tell."""
    if not served:
        raise BadRequest("the server serves no model")
    wants_embedding = kind == ModelKind.EMBEDDING
    fitting = [model for model in served if ("embed" in model.name.lower()) == wants_embedding]
    return (fitting or served)[0]


def _rows(kind: ModelKind) -> "QuerySet[InferenceEndpoint, InferenceEndpoint]":
    return InferenceEndpoint.objects.filter(source=Source.ENVIRONMENT, model__kind=kind)


def _write(kind: ModelKind, wanted: _Wanted | None) -> InferenceEndpoint | None:
    if wanted is None:
        _rows(kind).delete()
        return None
    base_url, upstream_model = wanted.base_url, wanted.served.name
    known = _rows(kind).filter(base_url=base_url, upstream_model=upstream_model).first()
    model = known.model if known else _model_named(kind, nice_name(upstream_model))
    endpoint, _ = InferenceEndpoint.objects.update_or_create(
        model=model,
        base_url=base_url,
        upstream_model=upstream_model,
        defaults={"source": Source.ENVIRONMENT, "protocol": wanted.protocol},
    )
    _rows(kind).exclude(pk=endpoint.pk).delete()
    if kind == ModelKind.CHAT:
        _write_limits(model, endpoint, wanted.served.context_tokens)
        if settings.CHAT_WRITES_TITLES is not None:
            set_writes_titles(model_id=model.pk, writes=settings.CHAT_WRITES_TITLES)
    if not _has_key(endpoint, wanted.api_key):
        endpoint.encrypted_api_key = encrypted(wanted.api_key)
        endpoint.save(update_fields=["encrypted_api_key"])
    _make_default_if_none(model)
    return endpoint


def _model_named(kind: ModelKind, name: str) -> InferenceModel:
    model, _ = InferenceModel.objects.get_or_create(name=name, defaults={"kind": kind})
    if model.kind == kind:
        return model
    # One server and one name for both kinds.
    model, _ = InferenceModel.objects.get_or_create(
        name=f"{name} ({kind.label})", defaults={"kind": kind}
    )
    return model


def _write_limits(
    model: InferenceModel, endpoint: InferenceEndpoint, server_context_tokens: int | None
) -> None:
    """The environment's limits, or less, where the server was started with a shorter context."""
    context = min(
        settings.CHAT_CONTEXT_TOKENS, server_context_tokens or settings.CHAT_CONTEXT_TOKENS
    )
    output = min(settings.CHAT_OUTPUT_TOKENS, context // 2)
    InferenceModel.objects.filter(pk=model.pk).update(
        context_tokens=context,
        output_tokens=output,
        prompt_tokens=min(settings.CHAT_PROMPT_TOKENS, context - output),
        notes=settings.CHAT_MODEL_NOTES,
    )
    InferenceEndpoint.objects.filter(pk=endpoint.pk).update(
        concurrency=settings.CHAT_CONCURRENCY, discovery=settings.CHAT_DISCOVERY
    )


def _has_key(endpoint: InferenceEndpoint, api_key: str) -> bool:
    try:
        return decrypted(endpoint.encrypted_api_key) == api_key
    except ApiKeyUnreadable:
        return False


def _make_default_if_none(model: InferenceModel) -> None:
    """A default that is still served stays: an administrator may have chosen it."""
    same_kind = InferenceModel.objects.filter(kind=model.kind, is_default=True)
    if same_kind.filter(endpoints__is_enabled=True).exists():
        return
    same_kind.update(is_default=False)
    InferenceModel.objects.filter(pk=model.pk).update(is_default=True)
