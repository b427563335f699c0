"""Figures of this process for Prometheus.

Nothing here is counted per token: what belongs to an answer is counted at its end, and the gaps
between its tokens once a second. Labels are names of models, ids of endpoints and codes of errors:
there are few of each, and none tells who asked or what.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from chatbot.conversations.services.answers import Outcome
from chatbot.inference.connectors.errors import InferenceError
from chatbot.inference.connectors.protocol import UsageReport

PREFIX: Final = "brainstem_chat_"
_SHORT: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_FIRST_TOKEN: Final = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)
_ANSWER: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Gaps(Collector):
    """A histogram that takes many observations at once: so many gaps of a mean length."""

    def __init__(self, name: str, documentation: str, bounds: Iterable[float]) -> None:
        self._name, self._documentation = name, documentation
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def add(self, count: int, seconds: float) -> None:
        """So many gaps that took so long together."""
        if count > 0:
            self._counts[bisect_left(self._bounds, seconds / count)] += count
            self._sum += seconds

    def collect(self) -> Iterator[Metric]:
        buckets, total = [], 0
        for bound, count in zip((*self._bounds, "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((str(bound), total))
        yield HistogramMetricFamily(self._name, self._documentation, buckets, self._sum)


# When each was first counted is of no use, and half of the page.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own
REGISTRY: Final = CollectorRegistry(auto_describe=False)
ProcessCollector(registry=REGISTRY)

# --- answers that ended here ---
_answers: Final = Counter(
    PREFIX + "answers", "Answers that ended.", ["model", "outcome"], registry=REGISTRY
)
_failures: Final = Counter(
    PREFIX + "answer_failures", "Answers that failed.", ["model", "code"], registry=REGISTRY
)
_first_token: Final = Histogram(
    PREFIX + "first_token_seconds",
    "From the question to the first token.",
    ["model"],
    buckets=_FIRST_TOKEN,
    registry=REGISTRY,
)
_duration: Final = Histogram(
    PREFIX + "answer_seconds",
    "From the question to the end of the answer.",
    ["model", "outcome"],
    buckets=_ANSWER,
    registry=REGISTRY,
)
_tokens: Final = Counter(
    PREFIX + "tokens", "As model servers count.", ["model", "kind"], registry=REGISTRY
)
token_gaps: Final = Gaps(
    PREFIX + "token_gap_seconds",
    "Between two token events of an answer; the mean of each second counts for all in it.",
    _SHORT,
)
REGISTRY.register(token_gaps)

# --- on the way ---
_upstream_errors: Final = Counter(
    PREFIX + "upstream_errors",
    "Errors of inference endpoints, also where another one answered.",
    ["model", "endpoint", "code"],
    registry=REGISTRY,
)
_embedding_errors: Final = Counter(
    PREFIX + "embedding_errors", "Questions that were not embedded.", ["code"], registry=REGISTRY
)
_admission: Final = Histogram(
    PREFIX + "admission_wait_seconds",
    "From asking for a place at an endpoint to getting it, or giving up.",
    ["endpoint"],
    buckets=_SHORT,
    registry=REGISTRY,
)
_refusals: Final = Counter(
    PREFIX + "refusals", "Requests and frames that were refused.", ["code"], registry=REGISTRY
)
_resumes: Final = Counter(
    PREFIX + "resumes", "Readers that came back for the rest.", ["door"], registry=REGISTRY
)
take_overs: Final = Counter(
    PREFIX + "take_overs", "Answers that another process had begun.", registry=REGISTRY
)
_titles: Final = Counter(
    PREFIX + "titles", "Conversations that a model was to name.", ["outcome"], registry=REGISTRY
)
_rewritings: Final = Counter(
    PREFIX + "rewritings",
    "Follow-up questions that a model was to rewrite.",
    ["outcome"],
    registry=REGISTRY,
)
loop_lag: Final = Histogram(
    PREFIX + "loop_lag_seconds",
    "How late the event loop comes to its work; four looks a second.",
    buckets=_SHORT,
    registry=REGISTRY,
)

# --- now ---
connections: Final = Gauge(
    PREFIX + "open_connections", "Clients connected now.", ["door"], registry=REGISTRY
)
streams: Final = Gauge(
    PREFIX + "active_streams",
    "Answers that this process writes or that wait in it.",
    registry=REGISTRY,
)
running: Final = Gauge(
    PREFIX + "endpoint_running",
    "Answers of this process that hold a place.",
    ["endpoint"],
    registry=REGISTRY,
)
waiting: Final = Gauge(
    PREFIX + "endpoint_waiting",
    "Questions of this process that wait for a place.",
    ["endpoint"],
    registry=REGISTRY,
)
dependency_up: Final = Gauge(
    PREFIX + "dependency_up",
    "Whether PostgreSQL and Redis answer this process.",
    ["dependency"],
    registry=REGISTRY,
)
for _door in ("websocket", "sse", "openai"):
    connections.labels(_door)
    _resumes.labels(_door)


def answer_ended(outcome: Outcome, usage: UsageReport | None) -> None:
    """An answer is stored, whatever its end; `usage` is of this run alone."""
    model, state = outcome.model_name, outcome.state.value
    _answers.labels(model, state).inc()
    _duration.labels(model, state).observe((outcome.duration_ms or 0) / 1000)
    if outcome.error_code:
        _failures.labels(model, outcome.error_code).inc()
    if outcome.ttft_ms is not None:
        _first_token.labels(model).observe(outcome.ttft_ms / 1000)
    if usage is not None:
        _tokens.labels(model, "prompt").inc(usage.prompt_tokens)
        _tokens.labels(model, "completion").inc(usage.completion_tokens)


def upstream_failed(*, model: str, endpoint_id: UUID, error: InferenceError) -> None:
    _upstream_errors.labels(model, str(endpoint_id), error.error_code).inc()


def embedding_failed(code: str) -> None:
    _embedding_errors.labels(code).inc()


def waited(*, endpoint_id: UUID, seconds: float) -> None:
    _admission.labels(str(endpoint_id)).observe(seconds)


def refused(code: str) -> None:
    _refusals.labels(code).inc()


def resumed(door: str) -> None:
    _resumes.labels(door).inc()


def titled(outcome: str) -> None:
    _titles.labels(outcome).inc()


def rewritten(outcome: str) -> None:
    _rewritings.labels(outcome).inc()
