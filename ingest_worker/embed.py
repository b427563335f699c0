"""Embeddings of chunks: small batches, one at a time, and people's questions go first."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from redis.exceptions import RedisError

from chatbot import jobs
from chatbot.contracts import keys
from chatbot.contracts.errors import DOCUMENT_FAULTS, DocumentFault, Unavailable
from chatbot.inference.connectors.errors import BadRequest, InferenceError, PromptTooLong
from chatbot.inference.connectors.protocol import EmbeddingClient
from chatbot.inference.models import InferenceEndpoint
from chatbot.inference.registry import embedding_client_for
from chatbot.inference.selectors import default_embedding_model, endpoints_of

logger = logging.getLogger(__name__)

BATCH_CHUNKS: Final = 8
"""A question that comes meanwhile waits for as many chunks at most."""
LONGEST_YIELD_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.05
_PROBE: Final = "word"
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Vectors:
    model: str
    """What the model is called here: vectors of different models are never compared."""
    vectors: list[list[float]]
    """Of unit length, one for each text."""


def embed(texts: Sequence[str], *, before_each: Callable[[], None]) -> Vectors:
    """Embeds texts at the first endpoint that can; `before_each` batch may end it by raising.

    Raises:
        DocumentFault: the server refuses these texts, and takes others.
        Unavailable: there is no endpoint, or none answers.
    """
    model = default_embedding_model()
    endpoints = endpoints_of(model) if model else []
    if model is None or not endpoints:
        raise Unavailable(
            "No embedding server is set up.",
            code="embedding-missing",
            way_out="Set EMBEDDING_URL, or add an endpoint in the admin.",
        )
    vectors: list[list[float]] = []
    for start in range(0, len(texts), BATCH_CHUNKS):
        before_each()
        with _one_at_a_time:
            _let_questions_pass()
            vectors += _embed_batch(endpoints, texts[start : start + BATCH_CHUNKS])
    return Vectors(model.name, vectors)


def _embed_batch(endpoints: Sequence[InferenceEndpoint], texts: Sequence[str]) -> list[list[float]]:
    failure: InferenceError | None = None
    for endpoint in endpoints:
        client = embedding_client_for(endpoint)
        try:
            return client.embed(texts)
        except (BadRequest, PromptTooLong) as error:
            _blame(client, error)
        except InferenceError as error:
            logger.info("embedding endpoint %s: %s", endpoint.pk, error.error_code)
            failure = error
    raise failure or Unavailable("No embedding server answers.", code="embedding-missing")


def _blame(client: EmbeddingClient, error: InferenceError) -> None:
    """A server that refuses any text is set up wrongly; only else it is the document's.

    Raises:
        DocumentFault: the server takes other texts.
        InferenceError: it does not.
    """
    client.embed([_PROBE])
    code = "embedding-refused"
    raise DocumentFault(DOCUMENT_FAULTS[code], code=code) from error


def _let_questions_pass() -> None:
    deadline = time.monotonic() + LONGEST_YIELD_SECONDS
    try:
        while time.monotonic() < deadline and jobs.redis_client().exists(
            keys.embedding_interactive()
        ):
            time.sleep(_LOOK_SECONDS)
    except RedisError:
        return
