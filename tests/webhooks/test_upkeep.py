"""What has grown old goes, and how deliveries stand."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from chatbot.webhooks.models import Delivery, Webhook
from chatbot.webhooks.services import upkeep
from tests.factories.webhooks import make_delivery

pytestmark = pytest.mark.django_db


class TestUpkeep:
    def test_removes_deliveries_after_thirty_days(self, webhook: Webhook) -> None:
        old, kept = make_delivery(webhook), make_delivery(webhook)
        Delivery.objects.filter(pk=old.pk).update(created_at=Now() - timedelta(days=31))

        removed = upkeep.remove_old_deliveries()

        assert removed == 1
        assert list(Delivery.objects.all()) == [kept]

    def test_tells_how_much_waits_and_how_long(self, webhook: Webhook) -> None:
        make_delivery(webhook)
        Delivery.objects.update(created_at=Now() - timedelta(seconds=90))
        Webhook.objects.update(disabled_code="receiver-gone")

        backlog = upkeep.backlog()

        assert (backlog.pending, backlog.disabled) == (1, 1)
        assert backlog.oldest_seconds >= 90
