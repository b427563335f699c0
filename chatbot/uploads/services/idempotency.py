"""Calls that may be made again: the same key and content give the same answer.

After https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from chatbot.contracts.errors import Conflict, KeyReused
from chatbot.uploads.models import IdempotencyKey

if TYPE_CHECKING:
    from chatbot.accounts.models import User

KEEP_HOURS: Final = 36
HOLD_SECONDS: Final = 300
"""A call that has not ended by then died with its process, and may be made again."""
OLD_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class HeldKey:
    """The right to make what the call is about, once."""

    key_id: int
    token: UUID


def fingerprint_of(*parts: str) -> str:
    """Of a call and its content, none of which can run into the next."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part.encode(errors="surrogatepass")).digest())
    return digest.hexdigest()


@transaction.atomic
def take_key(*, user: "User", key: str, fingerprint: str) -> HeldKey | Answer:
    """The answer that the call got before, or the right to make it.

    Raises:
        KeyReused: the key came with other content.
        Conflict: `idempotency-key-in-use`; the same call is being made right now.
    """
    token, until = uuid.uuid4(), timezone.now() + timedelta(seconds=HOLD_SECONDS)
    try:
        with transaction.atomic():
            made = IdempotencyKey.objects.create(
                user=user, key=key, fingerprint=fingerprint, token=token, held_until=until
            )
    except IntegrityError:
        known = IdempotencyKey.objects.select_for_update().filter(user=user, key=key).first()
        if known is None:
            raise _in_use() from None
        return _take_known(known, fingerprint, token)
    return HeldKey(made.pk, token)


def _take_known(known: IdempotencyKey, fingerprint: str, token: UUID) -> HeldKey | Answer:
    now = timezone.now()
    if known.created_at < now - timedelta(hours=KEEP_HOURS):
        known.created_at, known.status, known.body, known.held_until = now, 0, None, None
        known.fingerprint = fingerprint
    if known.fingerprint != fingerprint:
        raise KeyReused(
            "This Idempotency-Key came with other content before.",
            way_out="Use a new key for each call, and the same one only to repeat it.",
        )
    if known.status:
        return Answer(known.status, known.body, known.headers)
    if known.held_until and known.held_until > now:
        raise _in_use()
    known.token, known.held_until = token, now + timedelta(seconds=HOLD_SECONDS)
    known.save()
    return HeldKey(known.pk, token)


def store_answer(held: HeldKey, answer: Answer) -> None:
    """In the transaction that makes what the answer tells of.

    Raises:
        Conflict: the key was lost to another call, so that nothing may be made.
    """
    stored = IdempotencyKey.objects.filter(pk=held.key_id, token=held.token).update(
        status=answer.status, body=answer.body, headers=answer.headers, token=None
    )
    if not stored:
        raise _in_use()


def give_key_back(held: HeldKey) -> None:
    """The call failed and made nothing: the next one under this key begins anew."""
    IdempotencyKey.objects.filter(pk=held.key_id, token=held.token).delete()


def remove_old_keys() -> int:
    """Returns how many; `OLD_AT_ONCE` means that there may be more."""
    old = IdempotencyKey.objects.filter(created_at__lt=Now() - timedelta(hours=KEEP_HOURS))
    chunk = list(old.order_by("created_at").values_list("pk", flat=True)[:OLD_AT_ONCE])
    return IdempotencyKey.objects.filter(pk__in=chunk).delete()[0]


def _in_use() -> Conflict:
    return Conflict(
        "A call with this Idempotency-Key is being made right now.",
        code="idempotency-key-in-use",
        way_out="Wait a moment and send the same call again.",
    )
