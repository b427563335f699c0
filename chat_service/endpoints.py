"""Which model answers and where: what the registry says, kept for a few seconds.

A question never waits for the registry while something not too old is known; so answers go on while
PostgreSQL is away.
"""

import time
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from chat_service.admission import Gauge
from chat_service.database import in_database
from chat_service.remembered import Remembered
from chatbot.contracts.errors import AppError
from chatbot.inference.connectors.protocol import AsyncEmbeddingClient, ChatConnector
from chatbot.inference.models import InferenceEndpoint, InferenceModel, ModelKind
from chatbot.inference.registry import async_embedding_client_for, connector_for, endpoint_config
from chatbot.inference.selectors import default_chat_model, embedding_endpoint, endpoints_of

AVOID_SECONDS: Final = 5.0
"""How long an endpoint that failed comes after the others."""
CONNECTOR_SECONDS: Final = 300.0
"""A connector asks once what its server can do: after this it is made anew."""
MAX_CONNECTORS: Final = 500


class NoModel(AppError):
    """Nobody serves the model; as long as administrators leave it so."""

    code = "no-model"

    def __init__(self) -> None:
        super().__init__(
            "No server is set up for this model.",
            way_out="Ask an administrator to add an inference endpoint, or choose another model.",
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    gauge: Gauge
    upstream_model: str
    connector: ChatConnector


@dataclass(frozen=True, slots=True)
class Serving:
    """A chat model, what it can take, and who serves it; the best endpoint first."""

    name: str
    context_tokens: int
    prompt_tokens: int
    output_tokens: int
    endpoints: tuple[Endpoint, ...]


class Directory:
    """This process's view of the registry."""

    def __init__(self) -> None:
        self._serving = Remembered(self._read_serving)
        self._embedding = Remembered(_read_embedding)
        self._connectors: dict[object, tuple[ChatConnector, float]] = {}
        self._failed_at: dict[UUID, float] = {}

    async def serving(self, model_id: UUID | None) -> Serving:
        """The model, or the default one; endpoints that failed a moment ago come last.

        Raises:
            NoModel: nobody serves it.
            Unavailable: the database is away and nothing is known.
        """
        serving = await self._serving.get(model_id)
        if len(serving.endpoints) < 2 or not self._failed_at:  # noqa: PLR2004 - nothing to choose
            return serving
        return replace(serving, endpoints=tuple(sorted(serving.endpoints, key=self._is_avoided)))

    async def embedding(self) -> AsyncEmbeddingClient | None:
        """Who embeds questions; None: nobody is set up. Raises Unavailable."""
        return await self._embedding.get("embedding")

    def failed(self, endpoint: Endpoint) -> None:
        """Others come first for a few seconds."""
        self._failed_at[endpoint.gauge.id] = time.monotonic()

    def _is_avoided(self, endpoint: Endpoint) -> bool:
        failed_at = self._failed_at.get(endpoint.gauge.id)
        return failed_at is not None and time.monotonic() - failed_at < AVOID_SECONDS

    async def _read_serving(self, model_id: UUID | None) -> Serving:
        model, rows = await in_database(_served_model, model_id)
        return Serving(
            name=model.name,
            context_tokens=model.context_tokens,
            prompt_tokens=model.prompt_tokens,
            output_tokens=model.output_tokens,
            endpoints=tuple(self._endpoint(row) for row in rows),
        )

    def _endpoint(self, row: InferenceEndpoint) -> Endpoint:
        config, now = endpoint_config(row), time.monotonic()
        connector, made_at = self._connectors.get(config, (None, 0.0))
        if connector is None or now - made_at > CONNECTOR_SECONDS:
            if len(self._connectors) >= MAX_CONNECTORS:
                self._connectors.clear()
            connector = connector_for(row)
            self._connectors[config] = connector, now
        return Endpoint(Gauge(row.pk, row.concurrency), row.upstream_model, connector)


def _served_model(model_id: UUID | None) -> tuple[InferenceModel, list[InferenceEndpoint]]:
    """The model and its endpoints.

    Raises:
        NoModel: there is no model, or nobody serves it.
    """
    chosen = None
    if model_id is not None:
        chosen = InferenceModel.objects.filter(pk=model_id, kind=ModelKind.CHAT).first()
    model = chosen or default_chat_model()
    endpoints = endpoints_of(model) if model else []
    if model is None or not endpoints:
        raise NoModel
    return model, endpoints


async def _read_embedding(_key: str) -> AsyncEmbeddingClient | None:
    return await in_database(_embedding_client)


def _embedding_client() -> AsyncEmbeddingClient | None:
    endpoint = embedding_endpoint()
    return async_embedding_client_for(endpoint) if endpoint else None
