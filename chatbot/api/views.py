"""What all views of the API share."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer


class ApiView(GenericAPIView[Any]):
    """A view that parses, makes one call, and encodes.

    `read_scopes` and `write_scopes`: an API key needs one of them; empty: keys are refused.
    """

    read_scopes: ClassVar[frozenset[str]] = frozenset()
    write_scopes: ClassVar[frozenset[str]] = frozenset()

    @property
    def http(self) -> HttpRequest:
        """Django's own request, for sessions and cookies."""
        return self.request._request  # noqa: SLF001 - DRF has no public name for it

    def parsed(self, kind: type[Serializer[Any]], *, partial: bool = False) -> dict[str, Any]:
        """The checked body; raises DRF's ValidationError."""
        serializer = kind(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def asked(self, kind: type[Serializer[Any]]) -> dict[str, Any]:
        """The checked query string."""
        serializer = kind(data=self.request.query_params)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def page(
        self, rows: QuerySet[Any, Any] | Sequence[Any], kind: type[BaseSerializer[Any]]
    ) -> Response:
        """One page of rows as `{count, next, previous, results}`."""
        found = kind(self.paginate_queryset(rows), many=True, context=self.get_serializer_context())
        return self.get_paginated_response(found.data)
