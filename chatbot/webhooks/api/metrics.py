"""Figures of webhooks for Prometheus; nothing tells whose they are."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chatbot.webhooks.services.upkeep import backlog

PREFIX: Final = "brainstem_webhook_"


class WebhookCollector(Collector):
    """Asks the database at each scrape."""

    def collect(self) -> Iterator[Metric]:
        now = backlog()
        yield GaugeMetricFamily(
            f"{PREFIX}pending_deliveries", "Deliveries that are to be sent.", now.pending
        )
        yield GaugeMetricFamily(
            f"{PREFIX}oldest_delivery_seconds",
            "How long the oldest pending delivery has been on its way.",
            now.oldest_seconds,
        )
        yield GaugeMetricFamily(
            f"{PREFIX}disabled", "Webhooks that were turned off because they failed.", now.disabled
        )
