"""The models that people can choose."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chatbot.accounts.models import Scope
from chatbot.api.views import ApiView
from chatbot.inference.api.serializers import ModelOutput
from chatbot.inference.load import models_away
from chatbot.inference.selectors import chat_models, default_chat_model


class ModelsView(ApiView):
    read_scopes = frozenset({Scope.BRAINS_READ, Scope.CHAT})

    def get_serializer_context(self) -> dict[str, Any]:
        return {"default_model": default_chat_model(), "away": models_away()}

    @extend_schema(operation_id="list_models", responses=ModelOutput(many=True))
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the signature is DRF's
        """Chat models, by name."""
        return self.page(chat_models(), ModelOutput)
