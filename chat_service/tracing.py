"""Traces of answers, from the door to the model server; nothing at all unless they are asked for.

The libraries (`requirements/tracing.txt`) are imported only where OTEL_EXPORTER_OTLP_ENDPOINT is
set. Spans carry ids, names of models and codes of errors; never what somebody wrote.
"""

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from chat_service.tracing_export import Tracer

logger = logging.getLogger(__name__)

_tracers: "list[Tracer]" = []
"""One while the process traces."""


def start(*, instance: str) -> None:
    """Begins to trace, if that is wanted; `instance` names this process."""
    if not settings.TRACES_ENDPOINT or _tracers:
        return
    try:
        export = importlib.import_module("chat_service.tracing_export")
    except ImportError:
        logger.exception(
            "no traces: OTEL_EXPORTER_OTLP_ENDPOINT is set, but the packages of"
            " requirements/tracing.txt are not installed"
        )
        return
    _tracers.append(export.Tracer(instance=instance))


async def end() -> None:
    """Sends what is left, for a moment at most."""
    while _tracers:
        await _tracers.pop().close()


@contextmanager
def span(name: str, *, calls_out: bool = False, **attributes: object) -> Iterator[None]:
    """A step of an answer, below the step around it; an error that leaves it is told by its code.

    With `calls_out`, and below, requests to model servers carry the trace along.
    """
    if not _tracers:
        yield
        return
    with _tracers[0].span(name, calls_out=calls_out, attributes=attributes):
        yield


def tell(**attributes: object) -> None:
    """More about the step that goes on."""
    for tracer in _tracers:
        tracer.tell(attributes)


def event(name: str) -> None:
    """Something happened in the step that goes on."""
    for tracer in _tracers:
        tracer.event(name)


def follow(traceparent: str) -> None:
    """From now on steps of this task belong to the caller's trace (W3C Trace Context)."""
    for tracer in _tracers:
        tracer.follow(traceparent)
