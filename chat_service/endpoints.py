"""Which model answers and where: what the registry says, kept for a few seconds.

A question never waits for the registry while something not too old is known; so answers go on while
PostgreSQL is away.
"""

import asyncio
import contextlib
import copy
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from chat_service.admission import Gauge
from chat_service.database import in_database
from chat_service.endpoint_states import EndpointStates
from chat_service.remembered import Remembered
from chatbot.contracts.errors import AppError, Conflict
from chatbot.inference.addresses import at_address
from chatbot.inference.circuits import CircuitState, place_id
from chatbot.inference.connectors.errors import InferenceError, ServerBusy
from chatbot.inference.connectors.protocol import AsyncEmbeddingClient, ChatConnector
from chatbot.inference.connectors.sessions import SessionStore
from chatbot.inference.models import InferenceEndpoint, InferenceModel, ModelKind
from chatbot.inference.registry import async_embedding_client_for, connector_for, endpoint_config
from chatbot.inference.selectors import default_chat_model, embedding_endpoint, endpoints_of

AVOID_SECONDS: Final = 1.0
"""How long an endpoint that failed once comes after the others."""
CONNECTOR_SECONDS: Final = 300.0
"""A connector asks once what its server can do: after this it is made anew."""
MAX_CONNECTORS: Final = 500


class NoModel(Conflict):
    """Nobody serves the model; as long as administrators leave it so."""

    code = "no-model"

    def __init__(self) -> None:
        super().__init__(
            "No server is set up for this model.",
            way_out="Ask an administrator to add an inference endpoint, or choose another model.",
        )


@dataclass(frozen=True, slots=True)
class Place:
    """One server: an endpoint, or one of the addresses of its host."""

    id: UUID
    row: InferenceEndpoint
    """Leads to this server."""
    address: str = ""
    """Empty: the endpoint as it stands."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    gauge: Gauge
    upstream_model: str
    connector: ChatConnector
    priority: int
    weight: int
    total_seconds: float
    """For a whole answer."""


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

    def __init__(self, states: EndpointStates, sessions: SessionStore) -> None:
        self.places: tuple[Place, ...] = ()
        """All servers that are looked after."""
        self.title_model_id: UUID | None = None
        """The model that names conversations; None: none does."""
        self._states = states
        self._sessions = sessions
        self._serving = Remembered(self._read_serving)
        self._embedding = Remembered(_read_embedding)
        self._connectors: dict[object, tuple[ChatConnector, float]] = {}
        self._failed_at: dict[UUID, float] = {}
        self._addresses: Mapping[UUID, tuple[str, ...]] = {}
        self._told: object = None
        self._warming: set[asyncio.Task[None]] = set()

    @property
    def lone_gauge(self) -> Gauge | None:
        """Of the only server there is: any question is for that one."""
        if len(self.places) != 1:
            return None
        [place] = self.places
        return _gauge(place)

    async def serving(self, model_id: UUID | None) -> Serving:
        """The model, or the default one; the endpoint to be asked comes first.

        That is one on trial, or by priority the least busy of those that answer. Those that don't
        come last, and are asked where there is no other.

        Raises:
            NoModel: nobody serves it.
            Unavailable: the database is away and nothing is known.
        """
        serving = await self._serving.get(model_id)
        if len(serving.endpoints) < 2:  # noqa: PLR2004 - nothing to choose
            return serving
        ranked = sorted(serving.endpoints, key=self._rank)
        for endpoint in ranked:
            if self._states.take_trial(endpoint.gauge.id):
                ranked.remove(endpoint)
                ranked.insert(0, endpoint)
                break
        return replace(serving, endpoints=tuple(ranked))

    async def serving_at_leisure(self, model_id: UUID) -> Serving:
        """The model, with those endpoints alone that answer and are on no trial.

        Raises:
            NoModel, Unavailable: as `serving`.
        """
        serving = await self._serving.get(model_id)
        ranked = sorted(serving.endpoints, key=self._rank)
        able = (endpoint for endpoint in ranked if not self._is_away(endpoint))
        return replace(serving, endpoints=tuple(able))

    async def embedding(self) -> AsyncEmbeddingClient | None:
        """Who embeds questions; None: nobody is set up. Raises Unavailable."""
        return await self._embedding.get("embedding")

    def failed(self, endpoint: Endpoint, error: InferenceError) -> None:
        """Others come first for a few seconds, or until it answers again."""
        self._failed_at[endpoint.gauge.id] = time.monotonic()
        if error.is_worth_another_endpoint and not isinstance(error, ServerBusy):
            self._states.failed(endpoint.gauge.id, error.error_code)

    def worked(self, endpoint: Endpoint) -> None:
        """It answered."""
        self._failed_at.pop(endpoint.gauge.id, None)
        self._states.worked(endpoint.gauge.id)

    async def tell(
        self, rows: Iterable[InferenceEndpoint], addresses: Mapping[UUID, tuple[str, ...]]
    ) -> None:
        """What stands in the registry now; questions that come next go by it."""
        rows = list(rows)
        titling = (row.model_id for row in rows if row.model.writes_titles)
        self.title_model_id = next(titling, None)
        told = [_values(row) for row in rows], dict(addresses)
        if told == self._told:
            return
        self._told, self._addresses = told, dict(addresses)
        self.places = tuple(place for row in rows for place in self._places(row))
        await self._serving.read_again()

    def _places(self, row: InferenceEndpoint) -> list[Place]:
        if not (addresses := self._addresses.get(row.pk)):
            return [Place(row.pk, row)]
        return [
            Place(place_id(row.pk, address), _row_at(row, address), address)
            for address in addresses
        ]

    def _rank(self, endpoint: Endpoint) -> tuple[bool, int, float]:
        capacity = max(1, endpoint.gauge.concurrency) * endpoint.weight
        load = (self._states.load(endpoint.gauge.id) + 1) / capacity
        return self._is_away(endpoint), endpoint.priority, load

    def _is_away(self, endpoint: Endpoint) -> bool:
        """It failed a moment ago, or its circuit isn't closed."""
        place = endpoint.gauge.id
        failed_at = self._failed_at.get(place)
        if failed_at is not None and time.monotonic() - failed_at < AVOID_SECONDS:
            return True
        return self._states.circuit(place) != CircuitState.CLOSED

    async def _read_serving(self, model_id: UUID | None) -> Serving:
        model, rows = await in_database(_served_model, model_id)
        return Serving(
            name=model.name,
            context_tokens=model.context_tokens,
            prompt_tokens=model.prompt_tokens,
            output_tokens=model.output_tokens,
            endpoints=tuple(self._endpoint(place) for row in rows for place in self._places(row)),
        )

    def _endpoint(self, place: Place) -> Endpoint:
        row = place.row
        config, now = endpoint_config(row), time.monotonic()
        connector, made_at = self._connectors.get(config, (None, 0.0))
        if connector is None or now - made_at > CONNECTOR_SECONDS:
            if len(self._connectors) >= MAX_CONNECTORS:
                self._connectors.clear()
            connector = connector_for(row, sessions=self._sessions)
            self._connectors[config] = connector, now
            self._warm(connector)
        return Endpoint(
            gauge=_gauge(place),
            upstream_model=row.upstream_model,
            connector=connector,
            priority=row.priority,
            weight=row.weight,
            total_seconds=row.total_seconds,
        )

    def _warm(self, connector: ChatConnector) -> None:
        """What the server can do is known before somebody needs it, such as when it has failed."""

        async def ask() -> None:
            with contextlib.suppress(AppError):
                await connector.capabilities()

        task = asyncio.create_task(ask())
        self._warming.add(task)
        task.add_done_callback(self._warming.discard)


def _gauge(place: Place) -> Gauge:
    return Gauge(place.id, place.row.concurrency)


def _row_at(row: InferenceEndpoint, address: str) -> InferenceEndpoint:
    copied = copy.copy(row)
    copied.base_url = at_address(row.base_url, address)
    return copied


def _values(row: InferenceEndpoint) -> list[Any]:
    return [getattr(row, field.attname) for field in row._meta.concrete_fields]  # noqa: SLF001 - Django's public name


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
