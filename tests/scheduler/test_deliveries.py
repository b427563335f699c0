"""Webhooks are delivered beside the scheduler's loop."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from pytest_django import Settings

from chatbot.outbound.addresses import PrivateHosts
from chatbot.scheduler.deliveries import Deliverer
from chatbot.webhooks.models import Delivery, DeliveryState
from tests.child_processes import wait_until
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.webhooks import make_delivery, make_webhook
from tests.fakes.web_server import WebServer, running_web_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def receivers(settings: Settings) -> Iterator[tuple[WebServer, WebServer]]:
    """A slow one and a quick one."""
    settings.OUTBOUND_PRIVATE_HOSTS = PrivateHosts.of(["127.0.0.0/8"])
    with ExitStack() as stack:
        slow, quick = (stack.enter_context(running_web_server()) for _ in range(2))
        slow.seconds_between = 1.0
        for server in (slow, quick):
            server.gives("/")
        yield slow, quick


class TestDeliverer:
    def test_lets_a_slow_receiver_hold_up_nobody(
        self, receivers: tuple[WebServer, WebServer]
    ) -> None:
        slow, quick = receivers
        brain = make_brain(owner=make_user())
        held = make_webhook(brain, url=slow.url())
        free = make_webhook(brain, url=quick.url())
        for webhook in (held, held, free, free, free):
            make_delivery(webhook)
        deliverer = Deliverer()

        deliverer.tick()
        wait_until(lambda: len(quick.requests) == 3, seconds=10, what="quick deliveries")
        delivered = held.deliveries.filter(state=DeliveryState.DELIVERED).count()
        deliverer.end()

        assert delivered == 0
        assert len(slow.requests) == 1

    def test_sends_once_however_many_schedulers_there_are(
        self, receivers: tuple[WebServer, WebServer]
    ) -> None:
        _, quick = receivers
        brain = make_brain(owner=make_user())
        webhooks = [make_webhook(brain, url=quick.url()) for _ in range(3)]
        deliveries = [make_delivery(webhook) for webhook in webhooks for _ in range(4)]
        deliverers = [Deliverer() for _ in range(2)]

        for deliverer in deliverers:
            deliverer.tick()
        wait_until(lambda: not _pending(), seconds=20, what="all deliveries")
        for deliverer in deliverers:
            deliverer.end()

        ids = [request.partition(b"webhook-id: ")[2][:36].decode() for request in quick.requests]
        assert sorted(ids) == sorted(str(delivery.pk) for delivery in deliveries)

    def test_starts_no_thread_for_nothing(self) -> None:
        before = threading.active_count()

        Deliverer().tick()

        assert threading.active_count() == before


def _pending() -> bool:
    return Delivery.objects.filter(state=DeliveryState.PENDING).exists()
