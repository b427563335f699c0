"""Who speaks: the header `Authorization: Bearer …` with an access token or an API key."""

from typing import cast

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from chatbot.accounts.models import User
from chatbot.accounts.services.api_keys import KEY_PREFIX, authenticate
from chatbot.accounts.services.tokens import user_of_access_token
from chatbot.api.authentication import Credential
from chatbot.log_lines import log_as


class BearerAuthentication(BaseAuthentication):
    """Raises NotAuthenticated for credentials that are wrong; None if there are none."""

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        if value.startswith(KEY_PREFIX):
            user, scopes = authenticate(value)
            credential = Credential(scopes)
        else:
            user, credential = user_of_access_token(value), Credential()
        log_as(user=user.pk)
        return user, credential

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - the signature is DRF's
        return 'Bearer realm="api"'


def user_of(request: Request) -> User:
    """Whoever is signed in; only for views that are closed to everybody else."""
    return cast("User", request.user)
