"""What accounts look like in JSON."""

from typing import Any, Final

from django.contrib.auth.models import Group
from rest_framework import serializers

from chatbot.accounts.models import ApiKey, Language, Scope, User
from chatbot.accounts.services.tokens import Tokens

EMAIL_CHARACTERS: Final = 254
PASSWORD_CHARACTERS: Final = 1000
"""Bounds the work of hashing."""


def _password(**options: Any) -> serializers.CharField:  # noqa: ANN401 - passed on
    return serializers.CharField(
        max_length=PASSWORD_CHARACTERS,
        trim_whitespace=False,
        style={"input_type": "password"},
        **options,
    )


class CredentialsInput(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=EMAIL_CHARACTERS)
    password = _password()


class RefreshInput(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=4000)


class TokensOutput(serializers.Serializer[Tokens]):
    access = serializers.CharField(help_text="For the header `Authorization: Bearer …`.")
    refresh = serializers.CharField(help_text="Can be used once.")
    expires_in = serializers.IntegerField(help_text="Seconds for which `access` is valid.")


class CsrfOutput(serializers.Serializer[Any]):
    csrf_token = serializers.CharField(help_text="For the header `X-CSRFToken`.")


class SignUpInput(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=EMAIL_CHARACTERS)
    password = _password()
    name = serializers.CharField(max_length=150, allow_blank=True, default="")
    language = serializers.ChoiceField(choices=Language.choices, default=Language.ENGLISH)


class GroupOutput(serializers.Serializer[Group]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class UserOutput(serializers.Serializer[User]):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()
    language = serializers.ChoiceField(choices=Language.choices)
    role = serializers.ChoiceField(choices=["admin", "member"])
    groups = GroupOutput(many=True)


class ProfileInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=150, allow_blank=True, required=False)
    language = serializers.ChoiceField(choices=Language.choices, required=False)


class PasswordInput(serializers.Serializer[Any]):
    current = _password()
    new = _password()


class ApiKeyInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices), allow_empty=False
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class ApiKeyOutput(serializers.Serializer[ApiKey]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="How the key begins.")
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)


class NewApiKeyOutput(ApiKeyOutput):
    key = serializers.CharField(help_text="The key itself. It is never shown again.")
