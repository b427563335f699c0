"""What has grown old goes, and how deliveries stand."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction
from django.db.models.functions import Now

from chatbot.accounts.models import User
from chatbot.scheduler.housekeeping import Housekeeping
from chatbot.webhooks.models import Delivery, DeliveryState, Webhook, WebhookEvent
from chatbot.webhooks.services import upkeep
from chatbot.webhooks.services.recording import record_event
from chatbot.webhooks.services.registration import update_webhook
from chatbot.webhooks.services.resending import resend
from tests.elsewhere import elsewhere
from tests.factories.webhooks import make_delivery
from tests.fakes.web_server import WebServer
from tests.webhooks.delivering import deliver_all

pytestmark = pytest.mark.django_db


def make_old(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(created_at=Now() - timedelta(days=31))


class TestUpkeep:
    def test_removes_deliveries_after_thirty_days(self, webhook: Webhook) -> None:
        old, kept = make_delivery(webhook), make_delivery(webhook)
        Delivery.objects.filter(pk=old.pk).update(state=DeliveryState.DELIVERED)
        make_old(old)

        removed = upkeep.remove_old_deliveries()

        assert removed == 1
        assert list(Delivery.objects.all()) == [kept]

    def test_leaves_what_somebody_has_sent_again(
        self, webhook: Webhook, receiver: WebServer
    ) -> None:
        receiver.gives("/hook")
        delivery = make_delivery(webhook)
        deliver_all()
        make_old(delivery)
        resend(delivery)

        removed = upkeep.remove_old_deliveries()
        deliver_all()

        assert removed == 0
        assert len(receiver.requests) == 2

    @pytest.mark.django_db(transaction=True)
    def test_passes_by_what_is_being_written_to(self, webhook: Webhook) -> None:
        delivery = make_delivery(webhook)
        Delivery.objects.update(state=DeliveryState.FAILED)
        make_old(delivery)

        with transaction.atomic():
            Webhook.objects.select_for_update(no_key=True).get(pk=webhook.pk)
            meanwhile = elsewhere(upkeep.remove_old_deliveries)
        later = elsewhere(upkeep.remove_old_deliveries)

        assert (meanwhile, later) == (0, 1)

    @pytest.mark.django_db(transaction=True)
    def test_fails_what_was_recorded_while_its_webhook_was_turned_off(
        self, user: User, webhook: Webhook
    ) -> None:
        off = partial(update_webhook, user=user, webhook_id=webhook.pk, is_enabled=False)
        with transaction.atomic():
            event = WebhookEvent.DOCUMENT_READY
            record_event(brain_id=webhook.brain_id, event=event, data={})
            elsewhere(off)

        Housekeeping().run()

        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.error_code) == ("failed", "webhook-disabled")

    def test_tells_how_much_waits_and_how_long(self, webhook: Webhook) -> None:
        make_delivery(webhook)
        Delivery.objects.update(created_at=Now() - timedelta(seconds=90))
        Webhook.objects.update(disabled_code="receiver-gone")

        backlog = upkeep.backlog()

        assert (backlog.pending, backlog.disabled) == (1, 1)
        assert backlog.oldest_seconds >= 90
