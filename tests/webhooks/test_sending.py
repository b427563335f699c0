"""Deliveries go to a real receiver, are signed, repeated, and given up."""

import time
from datetime import timedelta
from email.utils import format_datetime

import pytest
from django.utils import timezone
from pytest_django import Settings

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.contracts.errors import NotFound
from chatbot.outbound.addresses import PrivateHosts
from chatbot.webhooks.models import Delivery, DeliveryState, Webhook
from chatbot.webhooks.services import outcomes
from chatbot.webhooks.services.registration import rotate_secret
from chatbot.webhooks.services.resending import resend
from chatbot.webhooks.services.sending import deliver_next
from tests.factories.webhooks import SECRET, make_delivery, make_webhook
from tests.fakes.web_server import WebServer
from tests.webhooks.delivering import deliver_all, pass_time, seconds_until_next
from tests.webhooks.received import received

pytestmark = pytest.mark.django_db


class TestDeliverNext:
    def test_posts_thin_signed_json(self, webhook: Webhook, receiver: WebServer) -> None:
        receiver.gives("/hook", b"thank you", status="202 Accepted")
        delivery = make_delivery(webhook, title="회의록")

        assert deliver_all() == 1

        request = received(receiver.requests[0])
        delivery.refresh_from_db()
        assert request.is_signed_with(SECRET)
        assert request.id == str(delivery.pk)
        assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 30
        assert request.headers["content-type"] == "application/json"
        assert list(request.message) == ["type", "timestamp", "data"]
        assert request.message["type"] == "document.ready"
        assert request.message["data"]["title"] == "회의록"
        assert delivery.state == DeliveryState.DELIVERED
        assert delivery.attempts.get().status_code == 202

    def test_signs_with_the_old_secret_too_for_a_day(
        self, user: User, webhook: Webhook, receiver: WebServer
    ) -> None:
        receiver.gives("/hook")
        _, secret = rotate_secret(user=user, webhook_id=webhook.pk)
        make_delivery(webhook)
        deliver_all()
        pass_time(25 * 3600)
        make_delivery(webhook)
        deliver_all()

        first, second = map(received, receiver.requests)
        assert first.is_signed_with(secret)
        assert first.is_signed_with(SECRET)
        assert second.is_signed_with(secret)
        assert not second.is_signed_with(SECRET)

    def test_sends_again_after_an_error_under_the_same_id(
        self, webhook: Webhook, receiver: WebServer
    ) -> None:
        receiver.gives("/hook", status="500 Internal Server Error")
        receiver.gives("/hook")
        delivery = make_delivery(webhook)

        first = deliver_all()
        wait = seconds_until_next(delivery)
        pass_time(7)
        second = deliver_all()

        delivery.refresh_from_db()
        one, two = map(received, receiver.requests)
        assert (first, second) == (1, 1)
        assert 3 < wait <= 6
        assert one.id == two.id
        assert one.body == two.body
        assert delivery.state == DeliveryState.DELIVERED
        assert [attempt.status_code for attempt in delivery.attempts.all()] == [200, 500]

    @pytest.mark.parametrize(
        ("header", "low", "high"),
        [
            ("90", 80, 90),
            (format_datetime(timezone.now() + timedelta(minutes=40)), 2000, 2400),
            ("999999999", 3500, 3600),
            ("soon", 3, 6),
            ("-5", 3, 6),
        ],
        ids=["seconds", "date", "too long", "words", "negative"],
    )
    def test_waits_as_long_as_the_receiver_asks_within_limits(
        self, webhook: Webhook, receiver: WebServer, header: str, low: float, high: float
    ) -> None:
        receiver.gives(
            "/hook", status="503 Service Unavailable", headers=f"Retry-After: {header}\r\n"
        )
        delivery = make_delivery(webhook)

        deliver_all()

        assert low < seconds_until_next(delivery) <= high

    def test_gives_up_after_the_last_wait_and_says_why(
        self, webhook: Webhook, receiver: WebServer
    ) -> None:
        receiver.gives("/hook", status="500 Internal Server Error")
        delivery = make_delivery(webhook)
        waits = []
        for _ in outcomes.BACKOFF_SECONDS:
            deliver_all()
            waits.append(seconds_until_next(delivery))
            pass_time(waits[-1] + 1)
        deliver_all()

        delivery.refresh_from_db()
        assert waits == pytest.approx(outcomes.BACKOFF_SECONDS, rel=0.25)
        assert delivery.state == DeliveryState.FAILED
        assert delivery.error_code == "receiver-error"
        assert len(receiver.requests) == len(outcomes.BACKOFF_SECONDS) + 1

    def test_follows_no_redirect(self, webhook: Webhook, receiver: WebServer) -> None:
        receiver.redirects("/hook", receiver.url("/elsewhere"))
        delivery = make_delivery(webhook)

        deliver_all()

        delivery.refresh_from_db()
        assert len(receiver.requests) == 1
        assert delivery.error_code == "receiver-redirects"

    def test_connects_to_no_private_address_that_a_name_stands_for(
        self, brain: Brain, receiver: WebServer, settings: Settings
    ) -> None:
        settings.OUTBOUND_PRIVATE_HOSTS = PrivateHosts()
        url = f"http://receiver.example:{receiver.port}/hook"
        delivery = make_delivery(make_webhook(brain, url=url))

        deliver_next(resolve=lambda *_: ["127.0.0.1"])

        delivery.refresh_from_db()
        assert receiver.requests == []
        assert delivery.error_code == "url-refused"

    def test_says_that_nobody_listens(self, webhook: Webhook, closed_port: int) -> None:
        Webhook.objects.update(url=f"http://127.0.0.1:{closed_port}/")
        delivery = make_delivery(webhook)

        deliver_all()

        delivery.refresh_from_db()
        assert delivery.error_code == "url-unanswered"
        assert delivery.attempts.get().status_code is None

    def test_tells_what_nobody_can_sign_until_there_is_a_new_secret(
        self, user: User, webhook: Webhook, receiver: WebServer, settings: Settings
    ) -> None:
        settings.SECRET_KEY = "another-key"  # noqa: S105 - of a test
        receiver.gives("/hook")
        delivery = make_delivery(webhook)

        deliver_all()
        delivery.refresh_from_db()
        told, sent = delivery.error_code, len(receiver.requests)
        _, secret = rotate_secret(user=user, webhook_id=webhook.pk)
        resend(delivery)
        deliver_all()

        assert (told, sent) == ("webhook-secret-unreadable", 0)
        assert received(receiver.requests[0]).is_signed_with(secret)


class TestResend:
    def test_sends_what_was_delivered_once_more(
        self, webhook: Webhook, receiver: WebServer
    ) -> None:
        receiver.gives("/hook")
        delivery = make_delivery(webhook)
        deliver_all()

        resend(delivery)
        deliver_all()

        assert {received(request).id for request in receiver.requests} == {str(delivery.pk)}
        assert delivery.attempts.count() == 2

    def test_says_that_the_delivery_has_gone_meanwhile(self, webhook: Webhook) -> None:
        delivery = make_delivery(webhook)
        Delivery.objects.all().delete()

        with pytest.raises(NotFound):
            resend(delivery)
