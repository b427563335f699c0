"""What failures make of a webhook."""

import pytest

from chatbot.accounts.models import User
from chatbot.webhooks.models import DeliveryState, Webhook
from chatbot.webhooks.services import outcomes
from chatbot.webhooks.services.resending import send_ping
from tests.factories.webhooks import make_delivery
from tests.fakes.web_server import WebServer
from tests.webhooks.delivering import deliver_all, pass_time
from tests.webhooks.received import received

pytestmark = pytest.mark.django_db


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
