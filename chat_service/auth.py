"""Who is at the other end of a connection.

Browsers come with the session's cookie, which they also send for other people's pages: so a cookie
counts only together with an Origin that is ours. Programs send a token: in the Authorization header
or in the first frame, never in the address, which is logged on the way.
"""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.http.request import validate_host
from django.utils import timezone

from chatbot.accounts.models import Scope, User
from chatbot.accounts.selectors import current_proofs
from chatbot.accounts.services.api_keys import KEY_PREFIX, authenticate, valid_keys
from chatbot.accounts.services.tokens import holder_of_access_token
from chatbot.contracts.errors import AppError, NotAllowed, NotAuthenticated

_BEARER: Final = "bearer "


class Means(Enum):
    COOKIE = "cookie"
    TOKEN = "token"  # noqa: S105 - a kind, not a secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody showed; never in a log."""

    means: Means
    secret: str

    def __repr__(self) -> str:
        return f"Credentials({self.means})"


class Headers:
    """Request headers of an ASGI scope, by lower-case name."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._values = {name.decode("latin-1").lower(): value for name, value in raw}

    def get(self, name: str) -> str:
        """The last value; empty: there is none."""
        return self._values.get(name, b"").decode("latin-1")


def credentials_of(headers: Headers) -> Credentials | None:
    """What the request brought along: a token before a cookie; None: nothing."""
    authorization = headers.get("authorization")
    if authorization.lower().startswith(_BEARER):
        return Credentials(Means.TOKEN, authorization[len(_BEARER) :].strip())
    session_key = _cookie(headers, settings.SESSION_COOKIE_NAME)
    return Credentials(Means.COOKIE, session_key) if session_key else None


def check_origin(headers: Headers, credentials: Credentials | None, *, needs_origin: bool) -> None:
    """Refuses other people's pages.

    `needs_origin`: with a cookie also who doesn't say where they come from, as sockets and
    requests that change something have to.

    Raises:
        NotAllowed: `origin-refused` or `origin-missing`.
    """
    origin = headers.get("origin")
    if origin:
        if not _is_ours(origin, host=headers.get("host")):
            raise NotAllowed(
                "This page may not use the chat service.",
                code="origin-refused",
                way_out="Open the page from its own address; see PUBLIC_URL and ALLOWED_HOSTS.",
            )
    elif needs_origin and credentials is not None and credentials.means is Means.COOKIE:
        raise NotAllowed(
            "A session's cookie needs an Origin header.",
            code="origin-missing",
            way_out="Programs send an access token or an API key.",
        )


@dataclass(frozen=True, slots=True, eq=False)
class SignIn:
    """Somebody who has shown credentials that were valid."""

    user: User
    credentials: Credentials
    proof: str
    """What sessions and tokens of the person are bound to; another one ends them."""
    expires_at: float | None = None
    """Of an access token, in seconds since 1970; nothing is begun with it afterwards."""
    looked_up_at: float = field(default_factory=time.monotonic)


def sign_in(who: Credentials | SignIn) -> SignIn:
    """The person who may hold conversations with these credentials; asks the database.

    Who is signed in already stays so without a look.

    Raises:
        NotAuthenticated: they are not valid, or not any more.
        NotAllowed: an API key without the scope `chat`.
    """
    if isinstance(who, SignIn):
        return who
    looked_up_at = time.monotonic()
    user, expires_at = _holder_of(who)
    return SignIn(user, who, user.get_session_auth_hash(), expires_at, looked_up_at)


def ended(sign_ins: Collection[SignIn]) -> dict[SignIn, AppError]:
    """Those that no longer hold, with what to tell them; one query for each kind of credentials.

    An access token may expire meanwhile.
    """
    proofs = current_proofs(user_ids={one.user.pk for one in sign_ins})
    sessions = _living_sessions(_secrets(sign_ins, _is_session))
    keys = valid_keys(_secrets(sign_ins, _is_key), scope=Scope.CHAT)
    found: dict[SignIn, AppError] = {}
    for one in sign_ins:
        proof, secret = proofs.get(one.user.pk), one.credentials.secret
        if _is_key(one.credentials):
            holds = proof is not None and secret in keys
        else:
            holds = proof == one.proof and (secret in sessions or not _is_session(one.credentials))
        if not holds:
            found[one] = NotAuthenticated("You were signed out.", way_out="Sign in again.")
    return found


def _secrets(sign_ins: Iterable[SignIn], is_kind: Callable[[Credentials], bool]) -> frozenset[str]:
    return frozenset(one.credentials.secret for one in sign_ins if is_kind(one.credentials))


def _is_session(credentials: Credentials) -> bool:
    return credentials.means is Means.COOKIE


def _is_key(credentials: Credentials) -> bool:
    return credentials.means is Means.TOKEN and credentials.secret.startswith(KEY_PREFIX)


def _living_sessions(session_keys: frozenset[str]) -> frozenset[str]:
    if not session_keys:
        return session_keys
    living = Session.objects.filter(session_key__in=session_keys, expire_date__gt=timezone.now())
    return frozenset(living.values_list("session_key", flat=True))


def _holder_of(credentials: Credentials) -> tuple[User, float | None]:
    if _is_session(credentials):
        return _user_of_session(credentials.secret), None
    if _is_key(credentials):
        return _user_of_key(credentials.secret), None
    return holder_of_access_token(credentials.secret)


def _user_of_session(session_key: str) -> User:
    request = HttpRequest()
    request.session = SessionStore(session_key)
    user = get_user(request)
    if not isinstance(user, User) or not user.is_active:
        raise NotAuthenticated("The session has ended.", way_out="Sign in again.")
    return user


def _user_of_key(key: str) -> User:
    user, scopes = authenticate(key)
    if Scope.CHAT not in scopes:
        raise NotAllowed(
            "This API key may not hold conversations.",
            code="scope-missing",
            way_out="Make a key with the scope chat.",
        )
    return user


def _is_ours(origin: str, *, host: str) -> bool:
    """The page's own host, PUBLIC_URL, or one of ALLOWED_HOSTS; `*` there allows nothing here."""
    if origin == settings.PUBLIC_URL:
        return True
    try:
        parts = urlsplit(origin)
        name = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or not name:
        return False
    if ":" in name:
        name = f"[{name}]"
    named = [allowed for allowed in settings.ALLOWED_HOSTS if allowed != "*"]
    return parts.netloc == host or validate_host(name, named)


def _cookie(headers: Headers, name: str) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie"))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""
