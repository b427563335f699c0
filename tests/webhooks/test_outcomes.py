"""What failures make of a webhook."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chatbot.accounts.models import User
from chatbot.webhooks.models import DeliveryState, Webhook
from chatbot.webhooks.services import outcomes
from chatbot.webhooks.services.claims import claim_delivery
from chatbot.webhooks.services.registration import update_webhook
from chatbot.webhooks.services.resending import send_ping
from tests.factories.webhooks import make_delivery
from tests.fakes.web_server import WebServer
from tests.webhooks.delivering import deliver_all, pass_time
from tests.webhooks.received import received

pytestmark = pytest.mark.django_db
GONE = outcomes.Outcome(
    started_at=timezone.now(),
    duration_ms=1,
    status_code=410,
    error_code="receiver-gone",
    retry_after_seconds=0,
)


class TestWebhook:
    def test_that_fails_is_tried_with_one_delivery_at_a_time(
        self, webhook: Webhook, receiver: WebServer
    ) -> None:
        receiver.gives("/hook", status="500 Internal Server Error")
        for _ in range(5):
            make_delivery(webhook)

        assert deliver_all() == 1

    def test_is_turned_off_by_a_receiver_that_is_gone(
        self, webhook: Webhook, receiver: WebServer
    ) -> None:
        receiver.gives("/hook", status="410 Gone")
        first, second = make_delivery(webhook), make_delivery(webhook)

        deliver_all()

        for row in (webhook, first, second):
            row.refresh_from_db()
        assert (webhook.is_enabled, webhook.disabled_code) == (False, "receiver-gone")
        assert {first.state, second.state} == {DeliveryState.FAILED}
        assert {first.error_code, second.error_code} == {"receiver-gone", "webhook-disabled"}

    def test_is_turned_off_after_days_of_failures(
        self, webhook: Webhook, receiver: WebServer
    ) -> None:
        receiver.gives("/hook", status="500 Internal Server Error")
        make_delivery(webhook)
        deliver_all()
        pass_time(outcomes.FAILING_DAYS * 24 * 3600 + 60)

        deliver_all()

        webhook.refresh_from_db()
        assert (webhook.is_enabled, webhook.disabled_code) == (False, "receiver-failing")

    def test_forgets_its_failures_after_a_success(
        self, user: User, webhook: Webhook, receiver: WebServer
    ) -> None:
        receiver.gives("/hook", status="500 Internal Server Error")
        receiver.gives("/hook")
        make_delivery(webhook)
        deliver_all()

        ping = send_ping(user=user, webhook_id=webhook.pk)
        deliver_all()

        webhook.refresh_from_db()
        ping.refresh_from_db()
        assert ping.state == DeliveryState.DELIVERED
        assert received(receiver.requests[1]).message["type"] == "ping"
        assert (webhook.failures, webhook.failing_since) == (0, None)

    def test_that_a_person_has_turned_off_meanwhile_is_off_by_that_person(
        self, user: User, webhook: Webhook
    ) -> None:
        delivery = make_delivery(webhook)
        claim = claim_delivery()
        assert claim is not None
        update_webhook(user=user, webhook_id=webhook.pk, is_enabled=False)

        outcomes.record_outcome(claim, GONE)

        webhook.refresh_from_db()
        delivery.refresh_from_db()
        assert (webhook.is_enabled, webhook.disabled_code, webhook.failures) == (False, "", 0)
        assert delivery.state == DeliveryState.FAILED

    def test_that_has_moved_meanwhile_is_not_judged_by_its_old_address(
        self, user: User, webhook: Webhook, receiver: WebServer
    ) -> None:
        receiver.gives("/new")
        delivery = make_delivery(webhook)
        claim = claim_delivery()
        assert claim is not None
        update_webhook(user=user, webhook_id=webhook.pk, url=receiver.url("/new"))

        outcomes.record_outcome(claim, GONE)
        pass_time(7)
        deliver_all()

        webhook.refresh_from_db()
        delivery.refresh_from_db()
        assert (webhook.is_enabled, webhook.failures) == (True, 0)
        assert delivery.state == DeliveryState.DELIVERED

    def test_begins_anew_at_another_address(
        self, user: User, webhook: Webhook, receiver: WebServer
    ) -> None:
        receiver.gives("/new")
        delivery = make_delivery(webhook)
        Webhook.objects.update(
            failures=9,
            failing_since=timezone.now() - timedelta(days=2),
            paused_until=timezone.now() + timedelta(minutes=9),
        )

        update_webhook(user=user, webhook_id=webhook.pk, url=receiver.url("/new"))
        deliver_all()

        delivery.refresh_from_db()
        assert delivery.state == DeliveryState.DELIVERED
