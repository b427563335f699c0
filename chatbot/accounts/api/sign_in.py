"""Signing in, out and up."""

from collections.abc import Sequence
from dataclasses import asdict

from django.contrib.auth import login, logout
from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from chatbot.accounts.api.serializers import (
    CredentialsInput,
    CsrfOutput,
    RefreshInput,
    SignUpInput,
    TokensOutput,
    UserOutput,
)
from chatbot.accounts.models import User
from chatbot.accounts.selectors import profile
from chatbot.accounts.services.sign_in import check_credentials
from chatbot.accounts.services.tokens import issue_tokens, refresh_tokens
from chatbot.accounts.services.users import sign_up
from chatbot.api.authentication import FreshSessionAuthentication, SessionAuthentication
from chatbot.api.client import client_address
from chatbot.api.views import ApiView

_BACKEND = "django.contrib.auth.backends.ModelBackend"


class DoorView(ApiView):
    """For people who are not signed in yet."""

    authentication_classes: Sequence[type[BaseAuthentication]] = ()
    permission_classes = (AllowAny,)

    def enter(self, user: User, *, status: int = 200) -> Response:
        """Starts a session."""
        login(self.http, user, backend=_BACKEND)
        return Response(UserOutput(profile(user=user)).data, status=status)


class TokenView(DoorView):
    @extend_schema(operation_id="get_tokens", request=CredentialsInput, responses=TokensOutput)
    def post(self, request: Request) -> Response:  # noqa: ARG002 - the signature is DRF's
        """An access and a refresh token for an e-mail address and a password."""
        credentials = self.parsed(CredentialsInput)
        user = check_credentials(**credentials, address=client_address(self.http))
        return Response(asdict(issue_tokens(user=user)))


class TokenRefreshView(DoorView):
    @extend_schema(operation_id="refresh_tokens", request=RefreshInput, responses=TokensOutput)
    def post(self, request: Request) -> Response:  # noqa: ARG002
        """The next pair of tokens. A refresh token that comes twice ends the whole chain."""
        return Response(asdict(refresh_tokens(**self.parsed(RefreshInput))))


class CsrfView(DoorView):
    @extend_schema(operation_id="get_csrf_token", responses=CsrfOutput)
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Sets the CSRF cookie and gives the token that belongs to it."""
        return Response({"csrf_token": get_token(self.http)})


class LoginView(DoorView):
    authentication_classes = (FreshSessionAuthentication,)

    @extend_schema(operation_id="log_in", request=CredentialsInput, responses=UserOutput)
    def post(self, request: Request) -> Response:  # noqa: ARG002
        """Starts a session for a browser."""
        credentials = self.parsed(CredentialsInput)
        return self.enter(check_credentials(**credentials, address=client_address(self.http)))


class LogoutView(DoorView):
    authentication_classes = (SessionAuthentication,)

    @extend_schema(operation_id="log_out", request=None, responses={204: None})
    def post(self, request: Request) -> Response:  # noqa: ARG002
        """Ends the session; without one nothing happens."""
        logout(self.http)
        return Response(status=204)


class SignUpView(DoorView):
    authentication_classes = (FreshSessionAuthentication,)

    @extend_schema(operation_id="sign_up", request=SignUpInput, responses={201: UserOutput})
    def post(self, request: Request) -> Response:  # noqa: ARG002
        """Makes an account and starts a session, where signing up is open."""
        wanted = self.parsed(SignUpInput)
        return self.enter(sign_up(**wanted, address=client_address(self.http)), status=201)
