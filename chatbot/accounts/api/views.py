"""One's own account."""

from uuid import UUID

from django.contrib.auth import update_session_auth_hash
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chatbot.accounts.api.authentication import user_of
from chatbot.accounts.api.serializers import (
    ApiKeyInput,
    ApiKeyOutput,
    GroupOutput,
    NewApiKeyOutput,
    PasswordInput,
    ProfileInput,
    UserOutput,
)
from chatbot.accounts.models import Scope
from chatbot.accounts.selectors import api_keys, profile, visible_groups
from chatbot.accounts.services.api_keys import create_api_key, revoke_api_key
from chatbot.accounts.services.users import change_password, change_profile
from chatbot.api.views import ApiView


class MeView(ApiView):
    read_scopes = frozenset(Scope)

    @extend_schema(operation_id="get_me", responses=UserOutput)
    def get(self, request: Request) -> Response:
        """The person who is signed in."""
        return Response(UserOutput(profile(user=user_of(request))).data)

    @extend_schema(operation_id="change_me", request=ProfileInput, responses=UserOutput)
    def patch(self, request: Request) -> Response:
        """Changes name and language."""
        user = change_profile(user=user_of(request), **self.parsed(ProfileInput))
        return Response(UserOutput(profile(user=user)).data)


class PasswordView(ApiView):
    @extend_schema(operation_id="change_password", request=PasswordInput, responses={204: None})
    def post(self, request: Request) -> Response:
        """Sets a new password. All other sessions and all tokens end; API keys stay."""
        user = change_password(user=user_of(request), **self.parsed(PasswordInput))
        update_session_auth_hash(self.http, user)
        return Response(status=204)


class ApiKeysView(ApiView):
    @extend_schema(operation_id="list_api_keys", responses=ApiKeyOutput(many=True))
    def get(self, request: Request) -> Response:
        """One's own API keys that were not revoked."""
        return self.page(api_keys(user=user_of(request)), ApiKeyOutput)

    @extend_schema(
        operation_id="create_api_key", request=ApiKeyInput, responses={201: NewApiKeyOutput}
    )
    def post(self, request: Request) -> Response:
        """Makes an API key. The key itself is in this answer and never again."""
        key, secret = create_api_key(user=user_of(request), **self.parsed(ApiKeyInput))
        return Response({**ApiKeyOutput(key).data, "key": secret}, status=201)


class ApiKeyView(ApiView):
    @extend_schema(operation_id="revoke_api_key", responses={204: None})
    def delete(self, request: Request, key_id: UUID) -> Response:
        """Revokes one of one's own API keys."""
        revoke_api_key(user=user_of(request), key_id=key_id)
        return Response(status=204)


class GroupsView(ApiView):
    read_scopes = frozenset({Scope.BRAINS_READ})

    @extend_schema(operation_id="list_groups", responses=GroupOutput(many=True))
    def get(self, request: Request) -> Response:
        """The groups one is in; administrators see all."""
        return self.page(visible_groups(user=user_of(request)), GroupOutput)
