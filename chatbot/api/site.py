"""What a client wants to know before anybody is signed in."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from chatbot import __version__
from chatbot.api.views import ApiView
from chatbot.contracts import media_types


class LanguageOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField(help_text="In the language itself.")


class SiteOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.CharField()
    sign_up_open = serializers.BooleanField()
    upload_limit_bytes = serializers.IntegerField()
    accepted_types = serializers.ListField(
        child=serializers.CharField(),
        help_text="Media types and endings of names, for the attribute `accept` of forms.",
    )
    languages = LanguageOutput(many=True)
    ocr_engines = serializers.ListField(
        child=serializers.CharField(),
        help_text="What can read a document again; the first one reads where nothing is asked.",
    )


class SiteView(ApiView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="get_site", responses=SiteOutput)
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the signature is DRF's
        """Names and limits of this installation."""
        endings = [ending for known in media_types.EXTENSIONS.values() for ending in known]
        site = {
            "name": settings.SPECTACULAR_SETTINGS["TITLE"],
            "version": __version__,
            "sign_up_open": settings.SIGN_UP_OPEN,
            "upload_limit_bytes": settings.UPLOAD_LIMIT_BYTES,
            "accepted_types": [*media_types.EXTENSIONS, *endings],
            "languages": [{"code": code, "name": name} for code, name in settings.LANGUAGES],
            "ocr_engines": settings.OCR_ENGINES,
        }
        return Response(SiteOutput(site).data)
