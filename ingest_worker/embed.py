"""Embeddings of passages: batches of so many tokens, several under way, people's questions first.

A text that a server refuses for its length is told apart from the others of its batch, and told to
whoever asked; what else was embedded is kept, whatever happens afterwards.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Final

from redis.exceptions import RedisError

from chatbot import jobs
from chatbot.contracts import keys
from chatbot.contracts.errors import DOCUMENT_FAULTS, DocumentFault, Unavailable
from chatbot.inference.connectors.errors import (
    BadRequest,
    InferenceError,
    MalformedAnswer,
    PromptTooLong,
    ServerBusy,
    ServerFailed,
)
from chatbot.inference.connectors.protocol import EmbeddingClient
from chatbot.inference.selectors import default_embedding_model, endpoints_of
from ingest_worker import circuits
from ingest_worker.chunkers.tokens import rough_tokens
from ingest_worker.places import Place, counted, places_of

logger = logging.getLogger(__name__)

LONGEST_YIELD_SECONDS: Final = 1.0
BUSY_SECONDS: Final = 2.0
"""For a server that is busy a batch waits as long in all; then the job gives its slot back."""
_LOOK_SECONDS: Final = 0.05
_PROBE: Final = "word"
_OF_TEXTS: Final = (BadRequest, PromptTooLong, MalformedAnswer, ServerFailed)
"""May be the texts' fault: a model makes NaN of some, and servers answer with it, or with 500."""

Vector = list[float]


class _TextsRefused(Exception):
    """A server that embeds other texts did not embed these."""

    def __init__(self, error: InferenceError) -> None:
        super().__init__(str(error))
        self.are_too_long = isinstance(error, PromptTooLong)


class Embedder:
    """The default embedding model's servers, for the passages of one job."""

    def __init__(self, *, check: Callable[[], None]) -> None:
        """`check` is called before each batch, from any thread, and ends it all by raising.

        Raises:
            Unavailable: no server is set up.
        """
        model = default_embedding_model()
        endpoints = endpoints_of(model) if model else []
        if model is None or not endpoints:
            raise Unavailable(
                "No embedding server is set up.",
                code="embedding-missing",
                way_out="Set EMBEDDING_URL, or add an endpoint in the admin.",
            )
        self.model = model.name
        """What the model is called here: vectors of different models are never compared."""
        self._check = check
        self._places = places_of(endpoints)
        self.max_tokens = min(place.limits.max_tokens for place in self._places)
        """Of one text, at whichever server."""

    def counted(self, texts: Sequence[str]) -> list[int] | None:
        """How many tokens the model makes of each text; None: no server can tell."""
        return counted(self._places, texts)

    def embed(self, texts: Mapping[str, str], found: dict[str, Vector]) -> list[str]:
        """Puts a vector of unit length into `found` for each text, by its key, batch by batch.

        Returns the keys of texts that are too long; those have none.

        Raises:
            DocumentFault: a server refuses a text, and takes others.
            Unavailable: no server answers; what was embedded before is in `found`.
        """
        limits = self._places[0].limits
        batches = list(_batches(texts, limits.batch_texts, limits.batch_tokens))
        too_long: list[str] = []
        at_once = min(len(batches), limits.batches_at_once)
        if at_once <= 1:
            for batch in batches:
                self._embed(batch, found, too_long)
            return too_long
        with ThreadPoolExecutor(at_once, "embedding") as pool:
            under_way = [pool.submit(self._embed, batch, found, too_long) for batch in batches]
            try:
                for one in as_completed(under_way):
                    one.result()
            finally:
                pool.shutdown(cancel_futures=True)
        return too_long

    def _embed(
        self, batch: Mapping[str, str], found: dict[str, Vector], too_long: list[str]
    ) -> None:
        """One batch; where it is refused, its halves, down to the text that is too long."""
        try:
            vectors = self._vectors(list(batch.values()))
        except _TextsRefused as error:
            if len(batch) > 1:
                for half in _halves(batch):
                    self._embed(half, found, too_long)
                return
            if not error.are_too_long:
                raise DocumentFault(
                    DOCUMENT_FAULTS["embedding-refused"], code="embedding-refused"
                ) from error
            too_long += batch
            return
        found.update(zip(batch, vectors, strict=True))

    def _vectors(self, texts: Sequence[str]) -> list[Vector]:
        """Waits for busy servers, but not for long."""
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            self._check()
            try:
                return self._asked(texts)
            except ServerBusy as error:
                if time.monotonic() + error.retry_after_seconds > deadline:
                    raise
                time.sleep(error.retry_after_seconds)

    def _asked(self, texts: Sequence[str]) -> list[Vector]:
        """Of the first server that does it.

        Raises:
            _TextsRefused: one embeds other texts, and these are embedded by none.
            Unavailable: none does.
        """
        failures: list[InferenceError | _TextsRefused] = []
        for place in _free_first(self._places):
            with place.slots:
                if not circuits.may_ask(place.endpoint_id):
                    continue
                answer = _answer(place, texts)
            if isinstance(answer, list):
                return answer
            failures.append(answer)
        for failure in sorted(failures, key=_weight):
            if isinstance(failure, _TextsRefused | ServerBusy):
                raise failure
            code = failure.error_code
            raise Unavailable("No embedding server embeds.", code=code) from failure
        raise Unavailable("No embedding server embeds.", code="embedding-away")


def _weight(failure: InferenceError | _TextsRefused) -> int:
    """What can be acted upon comes first."""
    return 0 if isinstance(failure, _TextsRefused) else 1 if isinstance(failure, ServerBusy) else 2


def _answer(place: Place, texts: Sequence[str]) -> list[Vector] | InferenceError | _TextsRefused:
    """One server's vectors, or why it has none."""
    let_questions_pass()
    try:
        vectors = place.client.embed(texts)
    except ServerBusy as error:
        return error
    except InferenceError as error:
        failure = _failure_of_any_text(place.client) if isinstance(error, _OF_TEXTS) else error
        if failure is None:
            circuits.answered(place.endpoint_id)
            return _TextsRefused(error)
        if failure.is_worth_another_endpoint and not isinstance(failure, ServerBusy):
            logger.info("embedding endpoint %s: %s", place.endpoint_id, failure.error_code)
            circuits.failed(place.endpoint_id, failure.error_code)
        return failure
    circuits.answered(place.endpoint_id)
    return vectors


def _batches(
    texts: Mapping[str, str], most_texts: int, most_tokens: int
) -> Iterator[dict[str, str]]:
    batch: dict[str, str] = {}
    tokens = 0
    for key, text in texts.items():
        added = rough_tokens(text)
        if batch and (len(batch) >= most_texts or tokens + added > most_tokens):
            yield batch
            batch, tokens = {}, 0
        batch[key] = text
        tokens += added
    if batch:
        yield batch


def _halves(batch: Mapping[str, str]) -> Iterator[dict[str, str]]:
    rows = list(batch.items())
    middle = len(rows) // 2
    yield dict(rows[:middle])
    yield dict(rows[middle:])


def _free_first(places: Sequence[Place]) -> list[Place]:
    """By priority, but one with a free slot before one where this batch would have to wait."""

    def is_full(place: Place) -> bool:
        is_free = place.slots.acquire(blocking=False)
        if is_free:
            place.slots.release()
        return not is_free

    return sorted(places, key=is_full) if len(places) > 1 else list(places)


def _failure_of_any_text(client: EmbeddingClient) -> InferenceError | None:
    """A server that refuses even a word is set up wrongly; None: it is the texts' fault."""
    try:
        client.embed([_PROBE])
    except InferenceError as error:
        return error
    return None


def let_questions_pass() -> None:
    """Waits while people's questions are embedded, a second at most."""
    deadline = time.monotonic() + LONGEST_YIELD_SECONDS
    try:
        while time.monotonic() < deadline and jobs.redis_client().exists(
            keys.embedding_interactive()
        ):
            time.sleep(_LOOK_SECONDS)
    except RedisError:
        return
