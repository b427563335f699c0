"""Keys of API clients: `bst_` and 256 random bits, of which only the SHA-256 is kept."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from chatbot.accounts.models import ApiKey, Scope, User
from chatbot.accounts.selectors import get_api_key
from chatbot.accounts.services.audit import record
from chatbot.contracts.errors import Conflict, InvalidInput, NotAuthenticated

KEY_PREFIX: Final = "bst_"
SECRET_BYTES: Final = 32
SHOWN_CHARACTERS: Final = 12
"""How much of a key lists show: the prefix and 48 bits, which tell keys apart and open nothing."""
KEYS_PER_USER: Final = 50
LAST_USED_PRECISION: Final = timedelta(minutes=1)
"""`last_used_at` is written at most this often: a busy key is not a row that everybody updates."""


@transaction.atomic
def create_api_key(
    *, user: User, name: str, scopes: Collection[str], expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Makes a key; the second value is the key itself, which is never seen again.

    Raises:
        InvalidInput: no scope or an unknown one, or a time that has passed.
        Conflict: `too-many-keys`.
    """
    _check(scopes=scopes, expires_at=expires_at)
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if ApiKey.objects.filter(user=user, revoked_at=None).count() >= KEYS_PER_USER:
        raise Conflict(
            f"There are {KEYS_PER_USER} keys already.",
            code="too-many-keys",
            way_out="Revoke a key that is no longer used.",
        )
    secret = KEY_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    key = ApiKey.objects.create(
        user=user,
        name=name,
        prefix=secret[:SHOWN_CHARACTERS],
        secret_sha256=_digest(secret),
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    record("API key made", user_id=user.pk, key=key.pk)
    return key, secret


def authenticate(key: str) -> tuple[User, frozenset[str]]:
    """The person a key speaks for, and the scopes that bound what it may do; one query.

    Raises:
        NotAuthenticated: `api-key-invalid`, `api-key-expired` or `api-key-revoked`.
    """
    digest = _digest(key)
    row = ApiKey.objects.select_related("user").filter(secret_sha256=digest).first()
    if row is None or not hmac.compare_digest(row.secret_sha256, digest):
        raise _refused("The API key is not valid.", code="api-key-invalid")
    if row.revoked_at is not None or not row.user.is_active:
        raise _refused("The API key was revoked.", code="api-key-revoked")
    now = timezone.now()
    if row.expires_at is not None and row.expires_at <= now:
        raise _refused("The API key has expired.", code="api-key-expired")
    _note_use(row, now=now)
    row.user.acting_key_id = row.pk
    return row.user, frozenset(row.scopes)


def valid_keys(keys: Collection[str], *, scope: Scope) -> frozenset[str]:
    """Those of the keys that still open a scope; one query. Their owners are not looked at."""
    of_digest = {_digest(key): key for key in keys}
    if not of_digest:
        return frozenset()
    in_time = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    alive = ApiKey.objects.filter(
        in_time, secret_sha256__in=of_digest, revoked_at=None, scopes__contains=[scope]
    )
    return frozenset(of_digest[digest] for digest in alive.values_list("secret_sha256", flat=True))


def revoke_api_key(*, user: User, key_id: UUID) -> None:
    """Ends one of the user's keys; ending it twice is no error.

    Raises:
        NotFound: the user has no such key.
    """
    key = get_api_key(user=user, key_id=key_id)
    revoke_api_keys(key_ids=[key.pk])


def revoke_api_keys(*, key_ids: Collection[UUID]) -> int:
    """Ends keys whoever they belong to, for administrators; the number that were still alive."""
    alive = ApiKey.objects.filter(pk__in=key_ids, revoked_at=None)
    revoked = alive.update(revoked_at=timezone.now())
    record("API keys revoked", keys=",".join(map(str, key_ids)))
    return revoked


def _check(*, scopes: Collection[str], expires_at: datetime | None) -> None:
    fields: dict[str, list[str]] = {}
    unknown = set(scopes) - set(Scope.values)
    if unknown or not scopes:
        fields["scopes"] = [f"Choose one or more of: {', '.join(Scope.values)}."]
    if expires_at is not None and expires_at <= timezone.now():
        fields["expires_at"] = ["This time has passed."]
    if fields:
        raise InvalidInput("The key can't be made like this.", fields=fields)


def _note_use(key: ApiKey, *, now: datetime) -> None:
    stale = now - LAST_USED_PRECISION
    if key.last_used_at is None or key.last_used_at < stale:
        unseen = Q(last_used_at=None) | Q(last_used_at__lt=stale)
        ApiKey.objects.filter(unseen, pk=key.pk).update(last_used_at=now)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _refused(sentence: str, *, code: str) -> NotAuthenticated:
    return NotAuthenticated(sentence, code=code, way_out="Make a new key in your account.")
