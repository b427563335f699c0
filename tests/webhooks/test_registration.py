"""People add, change and try webhooks, by REST."""

import logging
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.webhooks.models import Delivery, DeliveryState, Webhook
from chatbot.webhooks.services.registration import WEBHOOKS_LIMIT
from chatbot.webhooks.services.signing import decrypted
from tests.factories.webhooks import SECRET, make_delivery, make_webhook

pytestmark = pytest.mark.django_db
NEW = {"url": "https://receiver.example/hook?key=1", "events": ["document.ready"]}


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def post(client: Client, address: str, body: Any = None) -> Any:  # noqa: ANN401 - a test response
    return client.post(f"/api/v1/{address}", body or {}, content_type="application/json")


class TestCreateWebhook:
    def test_shows_the_secret_once_and_logs_it_never(
        self, client: Client, brain: Brain, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            made = post(client, f"brains/{brain.pk}/webhooks", NEW)

        body = made.json()
        read_again = client.get(f"/api/v1/webhooks/{body['id']}").json()
        assert made.status_code == 201
        assert read_again == {name: value for name, value in body.items() if name != "secret"}
        assert decrypted(Webhook.objects.get().encrypted_secret) == body["secret"]
        assert body["secret"] not in caplog.text
        assert "webhook made" in caplog.text

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("http://127.0.0.1/hook", "public internet"),
            ("http://10.1.2.3/hook", "public internet"),
            ("http://169.254.169.254/latest", "public internet"),
            ("http://[::1]:8000/hook", "public internet"),
            ("http://[::ffff:10.0.0.1]/hook", "public internet"),
            ("http://2130706433/hook", "unusual form"),
            ("ftp://receiver.example/hook", "neither https"),
            ("https://name:password@receiver.example/", "password"),
            pytest.param(f"https://receiver.example/{'길' * 300}", "too long", id="long in ASCII"),
        ],
    )
    def test_refuses_addresses_that_nothing_is_sent_to(
        self, client: Client, brain: Brain, url: str, reason: str
    ) -> None:
        response = post(client, f"brains/{brain.pk}/webhooks", {**NEW, "url": url})

        assert response.status_code == 400
        assert response.json()["code"] == "url-refused"
        assert reason in response.json()["detail"]
        assert not Webhook.objects.exists()

    def test_has_a_limit_per_brain(self, client: Client, brain: Brain) -> None:
        for _ in range(WEBHOOKS_LIMIT):
            make_webhook(brain)

        response = post(client, f"brains/{brain.pk}/webhooks", NEW)

        assert (response.status_code, response.json()["code"]) == (409, "too-many-webhooks")

    def test_refuses_events_that_nobody_knows(self, client: Client, brain: Brain) -> None:
        body = {**NEW, "events": ["document.read"]}

        response = post(client, f"brains/{brain.pk}/webhooks", body)

        assert response.status_code == 400


class TestUpdateWebhook:
    def test_fails_what_was_to_be_sent_when_it_is_turned_off(
        self, client: Client, brain: Brain
    ) -> None:
        webhook = make_webhook(brain)
        delivery = make_delivery(webhook)

        client.patch(
            f"/api/v1/webhooks/{webhook.pk}", {"enabled": False}, content_type="application/json"
        )

        delivery.refresh_from_db()
        listed = client.get(f"/api/v1/webhooks/{webhook.pk}/deliveries").json()["results"]
        assert delivery.state == DeliveryState.FAILED
        assert listed[0]["error"]["code"] == "webhook-disabled"
        assert post(client, f"webhooks/{webhook.pk}/test").json()["code"] == "webhook-disabled"
        assert post(client, f"deliveries/{delivery.pk}/resend").status_code == 409

    def test_begins_anew_when_it_is_turned_on(self, client: Client, brain: Brain) -> None:
        webhook = make_webhook(brain)
        Webhook.objects.update(is_enabled=False, disabled_code="receiver-failing", failures=9)

        answer = client.patch(
            f"/api/v1/webhooks/{webhook.pk}", {"enabled": True}, content_type="application/json"
        ).json()

        webhook.refresh_from_db()
        assert (answer["enabled"], answer["disabled"], webhook.failures) == (True, None, 0)

    def test_changes_what_is_given_and_nothing_else(self, client: Client, brain: Brain) -> None:
        webhook = make_webhook(brain)
        Webhook.objects.update(is_enabled=False, disabled_code="receiver-failing")
        before = client.get(f"/api/v1/webhooks/{webhook.pk}").json()
        changes = {"url": "https://b.example/hook", "events": ["document.deleted"]}

        answer = client.patch(
            f"/api/v1/webhooks/{webhook.pk}", changes, content_type="application/json"
        )

        secret = bytes(webhook.encrypted_secret)
        webhook.refresh_from_db()
        assert answer.json() == {**before, **changes}
        assert bytes(webhook.encrypted_secret) == secret

    def test_refuses_a_private_address(self, client: Client, brain: Brain) -> None:
        webhook = make_webhook(brain)

        response = client.patch(
            f"/api/v1/webhooks/{webhook.pk}",
            {"url": "http://192.168.0.1/"},
            content_type="application/json",
        )

        assert response.json()["code"] == "url-refused"


class TestDeleteWebhook:
    def test_takes_its_deliveries_along(self, client: Client, brain: Brain) -> None:
        webhook = make_webhook(brain)
        make_delivery(webhook)

        client.delete(f"/api/v1/webhooks/{webhook.pk}")

        assert not Delivery.objects.exists()


class TestRotateSecret:
    def test_shows_the_new_one_once_and_keeps_the_old_one(
        self, client: Client, brain: Brain
    ) -> None:
        webhook = make_webhook(brain)

        body = post(client, f"webhooks/{webhook.pk}/rotate-secret").json()

        webhook.refresh_from_db()
        assert body["secret"] not in ("", SECRET)
        assert decrypted(webhook.encrypted_secret) == body["secret"]
        assert decrypted(webhook.encrypted_old_secret) == SECRET
        assert body["old_secret_until"] is not None


class TestDeliveries:
    def test_take_as_many_queries_for_many_as_for_few(
        self, client: Client, brain: Brain, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        webhook = make_webhook(brain)
        for _ in range(5):
            delivery = make_delivery(webhook)
            delivery.attempts.create(started_at=timezone.now(), duration_ms=1)

        with django_assert_num_queries(6):
            found = client.get(f"/api/v1/webhooks/{webhook.pk}/deliveries").json()

        assert [len(row["attempts"]) for row in found["results"]] == [1] * 5

    def test_are_listed_by_state(self, client: Client, brain: Brain) -> None:
        webhook = make_webhook(brain)
        pending, failed = make_delivery(webhook), make_delivery(webhook)
        Delivery.objects.filter(pk=failed.pk).update(state=DeliveryState.FAILED)

        found = client.get(f"/api/v1/webhooks/{webhook.pk}/deliveries", {"state": "pending"})

        assert [row["id"] for row in found.json()["results"]] == [str(pending.pk)]
