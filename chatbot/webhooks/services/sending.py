"""Sends what is due: claimed, posted without an open transaction, and recorded."""

import json
import logging
import time
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from django.utils import timezone

from chatbot.contracts.errors import AppError
from chatbot.outbound.fetching import Posted, post_body
from chatbot.outbound.resolving import Resolve, system_addresses
from chatbot.webhooks.services.claims import Claim, claim_delivery
from chatbot.webhooks.services.faults import ANSWER, DELIVERY_FAULTS, GONE, REDIRECT, UNFORESEEN
from chatbot.webhooks.services.outcomes import Outcome, record_outcome
from chatbot.webhooks.services.signing import decrypted, signed_headers

logger = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 10.0
"""From looking up the host to the answer's status."""


@dataclass(frozen=True, slots=True)
class _Result:
    status_code: int | None
    error_code: str
    retry_after_seconds: float = 0.0


def deliver_next(*, resolve: Resolve = system_addresses) -> bool:
    """Sends one delivery that is due; False: there is none."""
    claim = claim_delivery()
    if claim is None:
        return False
    started_at, began = timezone.now(), time.monotonic()
    result = _attempt(claim, resolve)
    outcome = Outcome(
        started_at=started_at,
        duration_ms=round((time.monotonic() - began) * 1000),
        status_code=result.status_code,
        error_code=result.error_code,
        retry_after_seconds=result.retry_after_seconds,
    )
    record_outcome(claim, outcome)
    return True


def body_of(claim: Claim) -> bytes:
    """What is sent: thin JSON, the same at every attempt."""
    message = {
        "type": claim.event,
        "timestamp": claim.happened_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": claim.data,
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _attempt(claim: Claim, resolve: Resolve) -> _Result:
    try:
        posted = _post(claim, resolve)
    except AppError as error:
        code = error.error_code
        return _Result(None, code if code in DELIVERY_FAULTS else UNFORESEEN)
    except Exception:
        # Whatever it was: one delivery must not keep its webhook's others from being sent.
        logger.exception("delivery %s failed", claim.delivery_id)
        return _Result(None, UNFORESEEN)
    return _Result(posted.status, _error_of(posted), _retry_after(posted))


def _post(claim: Claim, resolve: Resolve) -> Posted:
    body = body_of(claim)
    headers = signed_headers(
        message_id=str(claim.delivery_id),
        timestamp=int(time.time()),
        body=body,
        keys=[decrypted(secret) for secret in claim.secrets],
    )
    return post_body(
        claim.url,
        body=body,
        headers={"Content-Type": "application/json", **headers},
        total_seconds=ANSWER_SECONDS,
        resolve=resolve,
    )


def _error_of(posted: Posted) -> str:
    """Empty: it was taken."""
    if HTTPStatus.OK <= posted.status < HTTPStatus.MULTIPLE_CHOICES:
        return ""
    if posted.status == HTTPStatus.GONE:
        return GONE
    is_redirect = HTTPStatus.MULTIPLE_CHOICES <= posted.status < HTTPStatus.BAD_REQUEST
    return REDIRECT if is_redirect else ANSWER


def _retry_after(posted: Posted) -> float:
    """Seconds, of a number or a date (RFC 9110); 0: the receiver doesn't say."""
    text = posted.retry_after.strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - timezone.now()).total_seconds())
