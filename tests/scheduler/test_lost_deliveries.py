"""A scheduler that is killed while a receiver answers."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models.functions import Now

from chatbot.webhooks.models import DeliveryState, Webhook
from tests.child_processes import child, child_environment, wait_until
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.webhooks import SECRET, make_delivery, make_webhook
from tests.fakes.web_server import WebServer, running_web_server
from tests.webhooks.received import received

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
SCHEDULER = ["manage.py", "scheduler"]


@pytest.fixture
def receiver() -> Iterator[WebServer]:
    with running_web_server() as server:
        server.gives("/")
        yield server


class TestKilledScheduler:
    def test_has_what_it_sent_sent_again_under_the_same_id(
        self, receiver: WebServer, tmp_path: Path
    ) -> None:
        environment = child_environment(
            settings_module="chatbot.settings.chatbot", home=tmp_path
        ) | {"OUTBOUND_PRIVATE_HOSTS": "127.0.0.1"}
        receiver.seconds_between = 5.0
        webhook = make_webhook(make_brain(owner=make_user()), url=receiver.url())
        delivery = make_delivery(webhook)
        with child(SCHEDULER, environment=environment, log=tmp_path / "first") as first:
            wait_until(lambda: len(receiver.requests) == 1, seconds=30, what="message")
            first.kill()
        delivery.refresh_from_db()
        left = delivery.state
        receiver.seconds_between = 0.0
        Webhook.objects.update(leased_until=Now() - timedelta(seconds=1))

        with child(SCHEDULER, environment=environment, log=tmp_path / "second") as second:
            wait_until(
                lambda: webhook.deliveries.filter(state=DeliveryState.DELIVERED).exists(),
                seconds=30,
                what="delivery",
            )
            second.terminate()

        again = [received(request) for request in receiver.requests]
        assert left == DeliveryState.PENDING
        assert [one.id for one in again] == [str(delivery.pk)] * 2
        assert all(one.is_signed_with(SECRET) for one in again)
        assert "Traceback" not in second.log.read_text()
