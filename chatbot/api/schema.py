"""The OpenAPI document: how clients sign in, and the one form of all errors."""

from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from chatbot.contracts.problems import MEDIA_TYPE

PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "An error, as RFC 9457 describes it.",
    "properties": {
        "type": {"type": "string", "description": "A URN that ends with `code`."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened, for people."},
        "code": {"type": "string", "description": "Stable; for programs."},
        "way_out": {"type": "string", "description": "What to do next; may be empty."},
        "fields": {
            "type": "object",
            "description": "What is wrong with each field of the input.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "retry_after_seconds": {"type": "integer"},
    },
    "required": ["type", "title", "status", "detail", "code", "way_out"],
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "chatbot.accounts.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:  # noqa: ARG002
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token of `auth/token`, or an API key (`bst_…`).",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "chatbot.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:  # noqa: ARG002
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "Of `auth/login`. What changes something needs the header X-CSRFToken.",
        }


class FreshSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "chatbot.api.authentication.FreshSessionAuthentication"
    name = "csrf"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:  # noqa: ARG002
        return {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRFToken",
            "description": "The token of `auth/csrf`, with its cookie.",
        }


def describe_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: ANN401
    """Every operation may answer with a problem."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    answer = {
        "description": "An error.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = answer
    return result
