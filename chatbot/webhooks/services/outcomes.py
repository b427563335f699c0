"""What becomes of a delivery, and of its webhook, after an attempt."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from chatbot.accounts.services.audit import record
from chatbot.webhooks.models import Delivery, DeliveryAttempt, DeliveryState, Webhook
from chatbot.webhooks.services.claims import Claim
from chatbot.webhooks.services.faults import FAILING, GONE
from chatbot.webhooks.services.registration import fail_pending

BACKOFF_SECONDS: Final = (5, 30, 120, 600, 3600, 6 * 3600, 24 * 3600)
"""Between attempts; one more attempt than waits."""
JITTER: Final = 0.2
"""A fifth more or less, so that what failed together doesn't come back together."""
LONGEST_PAUSE_SECONDS: Final = 600
"""A webhook that fails is tried with one delivery at a time, after this long at the latest."""
LONGEST_RETRY_AFTER_SECONDS: Final = 3600
FAILING_DAYS: Final = 3
_STREAK_ENDS: Final = timedelta(days=2)
"""Failures that lie further apart have nothing to do with each other."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one attempt."""

    started_at: datetime
    duration_ms: int
    status_code: int | None
    error_code: str
    """Empty: the receiver has taken it."""
    retry_after_seconds: float


@transaction.atomic
def record_outcome(claim: Claim, outcome: Outcome) -> None:
    """Writes down what became of an attempt; nothing, where the claim was lost meanwhile."""
    webhook = (
        Webhook.objects.select_for_update(no_key=True)
        .filter(pk=claim.webhook_id, lease_token=claim.token)
        .first()
    )
    if webhook is None:
        return
    webhook.lease_token = webhook.leased_until = None
    delivery = Delivery.objects.filter(pk=claim.delivery_id).first()
    if delivery is not None:
        _log(delivery, outcome)
        if outcome.error_code:
            # What a person has turned off or moved meanwhile isn't judged by what its address did.
            is_same = webhook.is_enabled and webhook.url == claim.url
            _put_off(delivery, outcome, is_gone=is_same and outcome.error_code == GONE)
            if is_same:
                _blame(webhook, outcome)
        else:
            _end(delivery, DeliveryState.DELIVERED)
            webhook.failures, webhook.failing_since, webhook.paused_until = 0, None, None
        delivery.save()
    webhook.save()
    if not webhook.is_enabled:
        fail_pending(webhook)


def _log(delivery: Delivery, outcome: Outcome) -> None:
    delivery.status_code = outcome.status_code
    delivery.error_code = outcome.error_code
    DeliveryAttempt.objects.create(
        delivery=delivery,
        started_at=outcome.started_at,
        duration_ms=outcome.duration_ms,
        status_code=outcome.status_code,
        error_code=outcome.error_code,
    )


def _put_off(delivery: Delivery, outcome: Outcome, *, is_gone: bool) -> None:
    if is_gone or delivery.tries > len(BACKOFF_SECONDS):
        _end(delivery, DeliveryState.FAILED)
        return
    seconds = max(_asked(outcome), _wait(delivery.tries))
    delivery.next_attempt_at = timezone.now() + timedelta(seconds=seconds)


def _blame(webhook: Webhook, outcome: Outcome) -> None:
    now = timezone.now()
    _count_failure(webhook, now)
    pause = max(_asked(outcome), _pause(webhook.failures))
    webhook.paused_until = now + timedelta(seconds=pause)
    if outcome.error_code == GONE:
        _disable(webhook, GONE)
    elif webhook.failing_since and now - webhook.failing_since > timedelta(days=FAILING_DAYS):
        _disable(webhook, FAILING)


def _asked(outcome: Outcome) -> float:
    """Seconds that the receiver wants to be left alone."""
    return min(outcome.retry_after_seconds, LONGEST_RETRY_AFTER_SECONDS)


def _count_failure(webhook: Webhook, now: datetime) -> None:
    last = webhook.last_failure_at
    if webhook.failing_since is None or last is None or now - last > _STREAK_ENDS:
        webhook.failing_since, webhook.failures = now, 0
    webhook.failures += 1
    webhook.last_failure_at = now


def _pause(failures: int) -> float:
    """Seconds; shorter than the wait of a delivery that has failed as often."""
    base = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS)) - 1]
    return min(LONGEST_PAUSE_SECONDS, base) * (1 - JITTER)


def _wait(tries: int) -> float:
    """Seconds until the next attempt of a delivery."""
    base = BACKOFF_SECONDS[max(tries, 1) - 1]
    return base * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - nobody has to be surprised


def _end(delivery: Delivery, state: DeliveryState) -> None:
    delivery.state = state
    delivery.finished_at = timezone.now()


def _disable(webhook: Webhook, code: str) -> None:
    webhook.is_enabled = False
    webhook.disabled_code = code
    record("webhook turned off", webhook=webhook.pk, reason=code)
