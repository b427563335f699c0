"""Embeddings from an OpenAI-compatible server, for threads and for event loops.

Vectors come back checked and of unit length: as many as texts, in their order, all equally long.
They are asked for in base64, a quarter of the bytes; a server that refuses is asked for numbers.
"""

import base64
import math
from array import array
from collections.abc import Generator, Sequence
from typing import Any, Final

import httpx
import orjson

from chatbot.inference.connectors.errors import (
    BadRequest,
    MalformedAnswer,
    ServerFailed,
    ServerGone,
)
from chatbot.inference.connectors.protocol import EndpointConfig
from chatbot.inference.connectors.requests import endpoint_request, raise_unless_success
from chatbot.inference.connectors.statuses import HTTP_SERVER_ERROR
from chatbot.inference.connectors.transport import CONNECT_SECONDS, send, send_async

BATCH_TEXTS: Final = 64
"""Texts in one request at most."""
TIMEOUT_SECONDS: Final = 60.0
UNIT_TOLERANCE: Final = 1e-4

_Exchange = Generator[httpx.Request, httpx.Response, list[list[float]]]


class _Embeddings:
    """Requests out of texts and vectors out of responses, without sending anything."""

    def __init__(
        self,
        endpoint: EndpointConfig,
        *,
        dimensions: int | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """`dimensions`: what vectors must have; None: the first answer decides."""
        self._endpoint = endpoint
        self._dimensions = dimensions
        self._timeout = httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS)
        self._encoding = "base64"

    @property
    def model(self) -> str:
        return self._endpoint.model

    @property
    def dimensions(self) -> int | None:
        return self._dimensions

    def _exchange(self, texts: Sequence[str]) -> _Exchange:
        """Yields requests, is sent their responses, and returns the vectors."""
        vectors: list[list[float]] = []
        for start in range(0, len(texts), BATCH_TEXTS):
            batch = texts[start : start + BATCH_TEXTS]
            try:
                vectors += self._read((yield self._request(batch)), len(batch))
            except BadRequest:
                if self._encoding == "float":
                    raise
                self._encoding = "float"
                vectors += self._read((yield self._request(batch)), len(batch))
        return vectors

    def _request(self, texts: Sequence[str]) -> httpx.Request:
        body = {
            "model": self._endpoint.model,
            "input": list(texts),
            "encoding_format": self._encoding,
        }
        return endpoint_request(
            self._endpoint, "embeddings", content=orjson.dumps(body), timeout=self._timeout
        )

    def _read(self, response: httpx.Response, count: int) -> list[list[float]]:
        try:
            raise_unless_success(self._endpoint, response, response.content)
        except ServerGone as error:
            if response.status_code != HTTP_SERVER_ERROR:
                raise
            raise ServerFailed(error.detail, said=error.said) from error
        try:
            rows = orjson.loads(response.content)["data"]
            vectors = [_unit(_numbers(row["embedding"])) for row in _in_order(rows, count)]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MalformedAnswer(f"no embeddings: {error}") from error
        self._check_dimensions({len(vector) for vector in vectors})
        return vectors

    def _check_dimensions(self, found: set[int]) -> None:
        expected = self._dimensions or min(found)
        if found != {expected}:
            raise MalformedAnswer(f"vectors of {sorted(found)} numbers instead of {expected}")
        self._dimensions = expected


class OpenAIEmbeddings(_Embeddings):
    """Implements `EmbeddingClient`."""

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if not texts:
            return []
        exchange = self._exchange(texts)
        request = next(exchange)
        while True:
            response = send(request)
            try:
                request = exchange.send(response)
            except StopIteration as done:
                vectors: list[list[float]] = done.value
                return vectors


class AsyncOpenAIEmbeddings(_Embeddings):
    """Implements `AsyncEmbeddingClient`."""

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if not texts:
            return []
        exchange = self._exchange(texts)
        request = next(exchange)
        while True:
            response = await send_async(request)
            try:
                request = exchange.send(response)
            except StopIteration as done:
                vectors: list[list[float]] = done.value
                return vectors


def _in_order(rows: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """The rows by their `index`; where a server leaves it out, as they came."""
    ordered = sorted(enumerate(rows), key=lambda pair: pair[1].get("index", pair[0]))
    places = [row.get("index", place) for place, row in ordered]
    if places != list(range(count)):
        raise ValueError(f"{len(rows)} for {count} texts")
    return [row for _, row in ordered]


def _numbers(embedding: str | list[float]) -> list[float]:
    if isinstance(embedding, str):
        return array("f", base64.b64decode(embedding, validate=True)).tolist()
    return embedding


def _unit(vector: list[float]) -> list[float]:
    length = math.hypot(*vector)
    if not (math.isfinite(length) and length > 0):
        raise ValueError("a vector without a direction")
    if abs(length - 1) < UNIT_TOLERANCE:
        return vector
    return [value / length for value in vector]
