"""What the API answers in."""

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class OneAnswer(DefaultContentNegotiation):
    """A view has one answer, whatever `Accept` asks for: JSON, or the file itself."""

    def select_renderer(
        self,
        request: Request,  # noqa: ARG002 - the signature is DRF's
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,  # noqa: ARG002
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type or ""
