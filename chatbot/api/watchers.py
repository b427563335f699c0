"""For whoever watches a container: health and figures, under any name.

A probe and Prometheus ask a container by its address, which isn't among ALLOWED_HOSTS; and neither
sessions nor languages matter to them.
"""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponseBase
from django.urls import resolve

PATHS: Final = frozenset({"/api/v1/healthz", "/api/v1/readyz", "/metrics"})


def answer_watchers(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware: these paths go to their views, past everything else."""

    def answered(request: HttpRequest) -> HttpResponseBase:
        if request.path_info in PATHS:
            view = resolve(request.path_info).func
            response: HttpResponseBase = view(request)
            return response
        return get_response(request)

    return answered
