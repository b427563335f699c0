"""How endpoints are doing now, as columns and fields of their admin pages."""

import time
from collections.abc import Callable

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from chatbot.inference.load import Load, load_of
from chatbot.inference.models import InferenceEndpoint


class LiveColumns:
    """A line for each server that the endpoint stands for."""

    @admin.display(description="Running / waiting now")
    def load(self, endpoint: InferenceEndpoint) -> str:
        loads = _loads(endpoint)
        running, waiting = sum(one.running for one in loads), sum(one.waiting for one in loads)
        return f"{running} / {waiting}" if loads else "-"

    @admin.display(description="Circuit")
    def circuit(self, endpoint: InferenceEndpoint) -> SafeString | str:
        return _of_each(endpoint, _circuit)

    @admin.display(description="Now")
    def health(self, endpoint: InferenceEndpoint) -> SafeString | str:
        return _of_each(endpoint, _health)

    @admin.display(description="Waiting inside the server")
    def queue(self, endpoint: InferenceEndpoint) -> SafeString | str:
        return _of_each(endpoint, _queue)


def _loads(endpoint: InferenceEndpoint) -> list[Load]:
    """Read once for a page's row."""
    read: list[Load] | None = endpoint.__dict__.get("loads")
    if read is None:
        read = endpoint.__dict__["loads"] = load_of(endpoint.pk)
    return read


def _of_each(endpoint: InferenceEndpoint, tell: Callable[[Load], str]) -> SafeString | str:
    """A line for each server."""
    lines = [f"{one.address} {tell(one)}".strip() for one in _loads(endpoint)]
    return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines)) or "-"


def _circuit(load: Load) -> str:
    return f"{load.circuit} ({load.code})" if load.code else load.circuit


def _health(load: Load) -> str:
    if load.check is None:
        return "-"
    said = "well" if load.check.is_healthy else load.check.code
    return f"{said}, {max(0, round(time.time() - load.check.at))} s ago"


def _queue(load: Load) -> str:
    known = load.check.queue if load.check else None
    return "-" if known is None else str(known)
