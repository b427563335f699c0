"""One delivery at a time to each webhook, and none is lost with its sender."""

import pytest
from django.utils import timezone

from chatbot.brains.models import Brain
from chatbot.webhooks.models import DeliveryState, Webhook
from chatbot.webhooks.services import claims, outcomes
from tests.factories.webhooks import make_delivery, make_webhook
from tests.fakes.web_server import WebServer
from tests.webhooks.delivering import deliver_all, pass_time
from tests.webhooks.received import received

pytestmark = pytest.mark.django_db


class TestClaims:
    def test_are_one_at_a_time_for_each_webhook(self, brain: Brain, webhook: Webhook) -> None:
        other = make_webhook(brain)
        for owner in (webhook, webhook, other):
            make_delivery(owner)

        claimed = [claims.claim_delivery() for _ in range(3)]

        assert {claim.webhook_id for claim in claimed if claim} == {webhook.pk, other.pk}
        assert claimed[2] is None

    def test_end_with_a_sender_that_was_killed_before_it_recorded(
        self, webhook: Webhook, receiver: WebServer
    ) -> None:
        receiver.gives("/hook")
        delivery = make_delivery(webhook)
        lost = claims.claim_delivery()
        meanwhile = deliver_all()
        pass_time(claims.LEASE_SECONDS + 1)

        again = deliver_all()

        assert lost is not None
        assert (meanwhile, again) == (0, 1)
        assert lost.delivery_id == delivery.pk
        assert received(receiver.requests[0]).id == str(delivery.pk)

    def test_that_were_lost_record_nothing(self, webhook: Webhook) -> None:
        delivery = make_delivery(webhook)
        lost = claims.claim_delivery()
        pass_time(claims.LEASE_SECONDS + 1)
        claims.claim_delivery()
        assert lost is not None

        outcomes.record_outcome(
            lost,
            outcomes.Outcome(
                started_at=timezone.now(),
                duration_ms=1,
                status_code=200,
                error_code="",
                retry_after_seconds=0,
            ),
        )

        delivery.refresh_from_db()
        assert delivery.state == DeliveryState.PENDING
        assert not delivery.attempts.exists()
