"""Traces with OpenTelemetry's SDK, sent over OTLP/HTTP by a thread of its own.

Where to, how often and how many is said by the usual OTEL_* variables, which the SDK reads itself.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chatbot.contracts.errors import AppError
from chatbot.inference.connectors.requests import traceparent
from chatbot.log_lines import logged_as

CLOSE_SECONDS: Final = 1.0
_NAMESPACE: Final = "brainstem."


class Tracer:
    """What `chat_service.tracing` hands on to."""

    def __init__(self, *, instance: str) -> None:
        own = Resource({"service.name": "brainstem-chat", "service.instance.id": instance})
        # Not at the interpreter's exit: that would wait for a collector that is away.
        self._provider = TracerProvider(
            resource=own.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("chat_service")

    @contextmanager
    def span(
        self, name: str, *, calls_out: bool, attributes: Mapping[str, object]
    ) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            name,
            kind=SpanKind.CLIENT if calls_out else SpanKind.INTERNAL,
            attributes=_named(attributes),
            # The words of an error may be somebody's.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            known = span.get_span_context()
            trace_id = trace.format_trace_id(known.trace_id)
            own = f"00-{trace_id}-{trace.format_span_id(known.span_id)}-{known.trace_flags:02x}"
            before = traceparent.set(own)
            try:
                with logged_as(trace=trace_id):
                    yield
            except Exception as error:
                code = error.error_code if isinstance(error, AppError) else type(error).__name__
                span.set_status(Status(StatusCode.ERROR, code))
                raise
            finally:
                traceparent.reset(before)

    def tell(self, attributes: Mapping[str, object]) -> None:
        trace.get_current_span().set_attributes(_named(attributes))

    def event(self, name: str) -> None:
        trace.get_current_span().add_event(name)

    def follow(self, given: str) -> None:
        found = TraceContextTextMapPropagator().extract({"traceparent": given})
        context.attach(found)

    async def close(self) -> None:
        """Ends the sending thread; one that waits for its collector is left behind."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            loop.call_soon_threadsafe(done.set)

        threading.Thread(target=shut_down, name="tracing", daemon=True).start()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await done.wait()
        except TimeoutError:
            return


def _named(attributes: Mapping[str, object]) -> dict[str, str | int | float]:
    return {
        _NAMESPACE + name: value if isinstance(value, int | float) else str(value)
        for name, value in attributes.items()
    }
