"""Where texts are embedded: an endpoint's client, its limits, and its slots in this process."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from chatbot.inference.connectors.embedding_limits import ServerLimits, count_tokens, server_limits
from chatbot.inference.connectors.embedding_options import (
    BatchLimits,
    EmbeddingOptions,
    batch_limits,
)
from chatbot.inference.connectors.errors import InferenceError
from chatbot.inference.connectors.options import OptionsWrong
from chatbot.inference.connectors.protocol import EmbeddingClient, EndpointConfig
from chatbot.inference.models import InferenceEndpoint
from chatbot.inference.registry import embedding_client_for, endpoint_config

logger = logging.getLogger(__name__)

KNOWN_SECONDS: Final = 300.0
"""A server that was started anew with other limits is asked again after as long at most."""
UNKNOWN_SECONDS: Final = 10.0
"""One that didn't answer is asked again sooner."""


@dataclass(frozen=True, slots=True)
class Place:
    """One endpoint, as long as neither its row nor its limits change."""

    endpoint_id: UUID
    config: EndpointConfig
    client: EmbeddingClient
    limits: BatchLimits
    slots: threading.BoundedSemaphore
    """Requests of this process that may be under way there."""


@dataclass(frozen=True, slots=True)
class _Known:
    place: Place
    concurrency: int
    until: float


_known: Final[dict[UUID, _Known]] = {}
_asking: Final = threading.Lock()


def places_of(endpoints: Sequence[InferenceEndpoint]) -> list[Place]:
    """In the same order; a server that isn't known yet is asked for its limits.

    Raises:
        ApiKeyUnreadable: SECRET_KEY has changed.
    """
    with _asking:
        return [_place(endpoint) for endpoint in endpoints]


def counted(places: Sequence[Place], texts: Sequence[str]) -> list[int] | None:
    """Tokens of each text, as the first server that can counts them; None: none can."""
    for place in places:
        if counts := count_tokens(place.config, place.limits.counting, texts):
            return counts
    return None


def _place(endpoint: InferenceEndpoint) -> Place:
    config = endpoint_config(endpoint)
    known = _known.get(endpoint.pk)
    if known and (known.place.config, known.concurrency) != (config, endpoint.concurrency):
        known = None
    if known and time.monotonic() < known.until:
        return known.place
    server, kept = _told(config)
    limits = batch_limits(_options(endpoint), server, slots=endpoint.concurrency)
    if known and known.place.limits == limits:
        place = known.place
    else:
        place = Place(
            endpoint.pk,
            config,
            embedding_client_for(endpoint),
            limits,
            threading.BoundedSemaphore(limits.batches_at_once),
        )
    _known[endpoint.pk] = _Known(place, endpoint.concurrency, time.monotonic() + kept)
    return place


def _told(config: EndpointConfig) -> tuple[ServerLimits, float]:
    """The server's limits, and for how many seconds from now they are believed."""
    try:
        return server_limits(config), KNOWN_SECONDS
    except InferenceError:
        return ServerLimits(), UNKNOWN_SECONDS


def _options(endpoint: InferenceEndpoint) -> EmbeddingOptions:
    try:
        return EmbeddingOptions.read(endpoint.options)
    except OptionsWrong as error:
        logger.warning("options of endpoint %s are left out: %s", endpoint.pk, error.sentence)
        return EmbeddingOptions()
