"""People add webhooks to a brain, change them, and delete them.

Whoever changes a webhook holds its row; the process that sends doesn't wait for it, but passes by.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from chatbot.accounts.services.audit import record
from chatbot.brains.models import Brain, BrainRole
from chatbot.brains.selectors import get_brain
from chatbot.contracts.errors import Conflict
from chatbot.outbound.errors import UrlRefused
from chatbot.outbound.resolving import check_literal
from chatbot.outbound.urls import LONGEST_URL, read_url
from chatbot.webhooks.models import DeliveryState, Webhook
from chatbot.webhooks.selectors import get_webhook
from chatbot.webhooks.services.faults import DISABLED
from chatbot.webhooks.services.signing import SecretUnreadable, decrypted, encrypted, new_secret

if TYPE_CHECKING:
    from chatbot.accounts.models import User

WEBHOOKS_LIMIT: Final = 10
"""Of one brain."""
OLD_SECRET_HOURS: Final = 24
"""So long the old secret signs along after a new one was made."""


@transaction.atomic
def create_webhook(
    *,
    user: "User",
    brain_id: UUID,
    url: str,
    events: Sequence[str],
    description: str = "",
    is_enabled: bool = True,
) -> tuple[Webhook, str]:
    """A webhook and its secret, which can't be read again.

    Raises:
        NotFound, NotAllowed: as `get_brain` for an editor.
        UrlRefused: the address has not the right form, or is a private one by number.
        Conflict: `too-many-webhooks`.
    """
    # The lock first: two who add the last one would else count the same number.
    Brain.objects.select_for_update(no_key=True).filter(pk=brain_id).first()
    brain = get_brain(user=user, brain_id=brain_id, role=BrainRole.EDITOR)
    if brain.webhooks.count() >= WEBHOOKS_LIMIT:
        raise Conflict(
            f"A brain can have {WEBHOOKS_LIMIT} webhooks.",
            code="too-many-webhooks",
            way_out="Delete one that isn't needed.",
        )
    secret = new_secret()
    webhook = Webhook.objects.create(
        brain=brain,
        url=_checked(url),
        events=sorted(set(events)),
        description=description,
        is_enabled=is_enabled,
        encrypted_secret=encrypted(secret),
        created_by=user,
    )
    record("webhook made", user_id=user.pk, brain=brain.pk, webhook=webhook.pk)
    return webhook, secret


@transaction.atomic
def update_webhook(*, user: "User", webhook_id: UUID, **changes: Any) -> Webhook:  # noqa: ANN401
    """Changes `url`, `description`, `events` or `is_enabled`; what isn't given stays.

    Turned on, or at another address, it begins anew. Turned off, what was still to be sent fails.

    Raises:
        NotFound, NotAllowed: as `get_webhook`.
        UrlRefused: as `create_webhook`.
    """
    webhook = locked_webhook(user=user, webhook_id=webhook_id)
    url = _checked(changes.pop("url")) if "url" in changes else webhook.url
    if "events" in changes:
        webhook.events = sorted(set(changes.pop("events")))
    webhook.description = changes.pop("description", webhook.description)
    is_enabled = changes.pop("is_enabled", webhook.is_enabled)
    if changes:
        raise TypeError(f"a webhook has no {', '.join(changes)}")
    if is_enabled and not webhook.is_enabled:
        webhook.disabled_code = ""
    if url != webhook.url or (is_enabled and not webhook.is_enabled):
        webhook.failures = 0
        webhook.failing_since = webhook.paused_until = None
    webhook.url, webhook.is_enabled = url, is_enabled
    webhook.save()
    if not is_enabled:
        fail_pending(webhook)
    record("webhook changed", user_id=user.pk, webhook=webhook.pk)
    return webhook


@transaction.atomic
def delete_webhook(*, user: "User", webhook_id: UUID) -> None:
    """Deletes a webhook with its deliveries; raises NotFound and NotAllowed as `get_webhook`."""
    remove_webhook(get_webhook(user=user, webhook_id=webhook_id))
    record("webhook deleted", user_id=user.pk, webhook=webhook_id)


@transaction.atomic
def remove_webhook(webhook: Webhook) -> None:
    """As `delete_webhook`, whoever asks for it."""
    # Events that are being recorded for it hold the row: they are seen by the cascade, or none.
    list(Webhook.objects.select_for_update().filter(pk=webhook.pk))
    webhook.delete()


def silence_webhooks(brain: Brain) -> None:
    """Before the brain itself goes, and they with it, in the caller's transaction.

    They can't go first: whoever ends a document holds it while asking for the brain's webhooks, and
    the caller is about to wait for the documents.
    """
    webhooks = Webhook.objects.filter(brain=brain)
    list(webhooks.select_for_update(no_key=True).order_by("pk"))
    webhooks.update(is_enabled=False)


@transaction.atomic
def rotate_secret(*, user: "User", webhook_id: UUID) -> tuple[Webhook, str]:
    """A new secret, which can't be read again; the old one signs along for a day, if it can.

    Raises:
        NotFound, NotAllowed: as `get_webhook`.
    """
    webhook = locked_webhook(user=user, webhook_id=webhook_id)
    secret = new_secret()
    _keep_old_secret(webhook)
    webhook.encrypted_secret = encrypted(secret)
    webhook.save()
    record("webhook secret changed", user_id=user.pk, webhook=webhook.pk)
    return webhook, secret


def fail_pending(webhook: Webhook) -> None:
    """What is still to be sent to a webhook that is off. The caller holds its row."""
    webhook.deliveries.filter(state=DeliveryState.PENDING).update(
        state=DeliveryState.FAILED, error_code=DISABLED, finished_at=Now()
    )


def locked_webhook(*, user: "User", webhook_id: UUID) -> Webhook:
    """One that the caller holds from now on; raises NotFound and NotAllowed as `get_webhook`."""
    # The lock first: role and fields must be looked up after others have finished with them.
    Webhook.objects.select_for_update(no_key=True).filter(pk=webhook_id).first()
    return get_webhook(user=user, webhook_id=webhook_id)


def _keep_old_secret(webhook: Webhook) -> None:
    try:
        decrypted(webhook.encrypted_secret)
    except SecretUnreadable:
        webhook.encrypted_old_secret, webhook.old_secret_until = b"", None
        return
    webhook.encrypted_old_secret = webhook.encrypted_secret
    webhook.old_secret_until = timezone.now() + timedelta(hours=OLD_SECRET_HOURS)


def _checked(url: str) -> str:
    read = read_url(url)
    check_literal(read, private=settings.OUTBOUND_PRIVATE_HOSTS)
    # Of a character that isn't ASCII three to nine are made.
    if len(str(read)) > LONGEST_URL:
        raise UrlRefused("it is too long")
    return str(read)
