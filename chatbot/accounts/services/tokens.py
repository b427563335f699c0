"""Access and refresh tokens of API clients: JWTs of RFC 7519, signed with HMAC-SHA-256.

An access token lives ten minutes and is checked by signature, audience, issuer, time and a version
that changes with the person's password and `token_version`. A refresh token is used once; the link
it stands for is a row, so that a second use is seen and ends the whole chain.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import jwt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from chatbot.accounts.models import RefreshToken, User
from chatbot.accounts.services.audit import record
from chatbot.contracts.errors import NotAuthenticated

ALGORITHM: Final = "HS256"
ISSUER: Final = "brainstem"
ACCESS_AUDIENCE: Final = "brainstem:access"
REFRESH_AUDIENCE: Final = "brainstem:refresh"
LEEWAY_SECONDS: Final = 5
"""How far the clocks of two of our hosts may be apart."""

VERSION_CHARACTERS: Final = 32
"""128 bits."""

_SIGN_IN_AGAIN: Final = "Sign in again."


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an API client keeps; `expires_in` is the access token's life in seconds."""

    access: str
    refresh: str
    expires_in: int


@transaction.atomic
def issue_tokens(*, user: User) -> Tokens:
    """Starts a new chain of refresh tokens for somebody who has just proved who they are."""
    return _next_link(user=user, family=uuid.uuid4())


def refresh_tokens(*, refresh: str) -> Tokens:
    """Takes a refresh token back and gives the next pair.

    Raises:
        NotAuthenticated: `token-expired`, `token-invalid`, `token-revoked`, or `token-reused`: it
            was used before, so one of two holders is a thief and the chain is ended for both.
    """
    claims = _claims(refresh, audience=REFRESH_AUDIENCE)
    with transaction.atomic():
        link = _locked_link(claims)
        reused = link.used_at is not None
        if reused:
            _end_family(link.family)
        else:
            link.used_at = timezone.now()
            link.save(update_fields=["used_at"])
            tokens = _next_link(user=link.user, family=link.family)
    # Outside the transaction: the end of the chain has to be kept.
    if reused:
        record("refresh token reused", user_id=link.user_id)
        raise NotAuthenticated(
            "This refresh token was used before, so its whole chain has been ended.",
            code="token-reused",
            way_out=_SIGN_IN_AGAIN,
        )
    return tokens


def user_of_access_token(token: str) -> User:
    """The person an access token speaks for; one query.

    Raises:
        NotAuthenticated: `token-expired`, `token-invalid` or `token-revoked`.
    """
    user, _ = holder_of_access_token(token)
    return user


def holder_of_access_token(token: str) -> tuple[User, float]:
    """The same, and when the token expires, in seconds since 1970."""
    claims = _claims(token, audience=ACCESS_AUDIENCE)
    user = User.objects.filter(pk=_uuid(claims["sub"])).first()
    return _current(user, claims), claims["exp"]


@transaction.atomic
def end_sessions(*, user: User) -> None:
    """Ends every session and token of a person, everywhere. API keys stay."""
    User.objects.filter(pk=user.pk).update(token_version=F("token_version") + 1)
    user.refresh_from_db(fields=["token_version"])
    RefreshToken.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())
    record("sessions ended", user_id=user.pk)


def revoke_refresh_token(*, token: RefreshToken) -> None:
    """Ends the chain that a link belongs to."""
    _end_family(token.family)


def remove_expired_links() -> int:
    """Forgets refresh tokens that nobody could use any more. Returns how many."""
    removed, _ = RefreshToken.objects.filter(expires_at__lt=timezone.now()).delete()
    return removed


def remove_expired_sessions() -> int:
    """Forgets sessions of browsers that have run out. Returns how many."""
    removed, _ = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    return removed


def _next_link(*, user: User, family: uuid.UUID) -> Tokens:
    now = timezone.now()
    link = RefreshToken.objects.create(
        user=user,
        family=family,
        expires_at=now + timedelta(seconds=settings.REFRESH_TOKEN_SECONDS),
    )
    common = {"iss": ISSUER, "sub": str(user.pk), "iat": now, "ver": _version(user)}
    access = {
        **common,
        "aud": ACCESS_AUDIENCE,
        "jti": str(uuid.uuid4()),
        "exp": now + timedelta(seconds=settings.ACCESS_TOKEN_SECONDS),
    }
    refresh = {**common, "aud": REFRESH_AUDIENCE, "jti": str(link.pk), "exp": link.expires_at}
    return Tokens(
        access=jwt.encode(access, _key(), algorithm=ALGORITHM),
        refresh=jwt.encode(refresh, _key(), algorithm=ALGORITHM),
        expires_in=settings.ACCESS_TOKEN_SECONDS,
    )


def _claims(token: str, *, audience: str) -> dict[str, Any]:
    try:
        return jwt.decode(
            token,
            _key(),
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=ISSUER,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "aud", "iss", "sub", "jti", "ver"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise NotAuthenticated(
            "The token has expired.",
            code="token-expired",
            way_out="Get a new one from auth/token/refresh.",
        ) from error
    except jwt.InvalidTokenError as error:
        raise _invalid() from error


def _locked_link(claims: dict[str, Any]) -> RefreshToken:
    link = (
        RefreshToken.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(pk=_uuid(claims["jti"]))
        .first()
    )
    if link is None:
        raise _invalid()
    _current(link.user, claims)
    if link.revoked_at is not None:
        raise _revoked()
    return link


def _current(user: User | None, claims: dict[str, Any]) -> User:
    if user is None or not user.is_active or claims["ver"] != _version(user):
        raise _revoked()
    return user


def _version(user: User) -> str:
    """What sessions are checked by, too: whatever ends those ends tokens."""
    return user.get_session_auth_hash()[:VERSION_CHARACTERS]


def _end_family(family: uuid.UUID) -> None:
    RefreshToken.objects.filter(family=family, revoked_at=None).update(revoked_at=timezone.now())


def _uuid(text: object) -> uuid.UUID:
    try:
        return uuid.UUID(str(text))
    except ValueError as error:
        raise _invalid() from error


def _invalid() -> NotAuthenticated:
    return NotAuthenticated("The token is not valid.", code="token-invalid", way_out=_SIGN_IN_AGAIN)


def _revoked() -> NotAuthenticated:
    return NotAuthenticated("The token was ended.", code="token-revoked", way_out=_SIGN_IN_AGAIN)


def _key() -> bytes:
    """A key of its own, so that nothing else that the secret key signs passes for a token."""
    return salted_hmac("chatbot.accounts.tokens", ALGORITHM, algorithm="sha256").digest()
