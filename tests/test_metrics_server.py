"""Figures and health of processes that have no web server, over HTTP."""

from collections.abc import Iterator

import httpx
import pytest
from pytest_django import Settings

from chatbot.metrics_server import serve_metrics
from chatbot.pulse import Pulse
from tests.servers import free_port

TOKEN = "a-token-of-enough-characters"  # noqa: S105 - of this test


@pytest.fixture
def pulse() -> Pulse:
    return Pulse(within_seconds=1000)


@pytest.fixture
def address(pulse: Pulse) -> Iterator[str]:
    port = free_port()
    server = serve_metrics(port=port, is_well=lambda: pulse.is_felt)
    assert server is not None
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    server.server_close()


class TestHealth:
    def test_is_good_while_the_process_moves(self, address: str) -> None:
        assert httpx.get(f"{address}/healthz").status_code == 200

    def test_is_bad_when_nothing_has_moved_for_long(
        self, address: str, pulse: Pulse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("chatbot.pulse.time.monotonic", lambda: 10_000_000_000.0)

        assert httpx.get(f"{address}/healthz").status_code == 503

        pulse.beat()
        assert httpx.get(f"{address}/healthz").status_code == 200


class TestFigures:
    def test_are_read_on_this_machine(self, address: str) -> None:
        answer = httpx.get(f"{address}/metrics")

        assert answer.status_code == 200
        assert "process_cpu_seconds_total" in answer.text

    def test_need_the_token_where_there_is_one(self, address: str, settings: Settings) -> None:
        settings.METRICS_TOKEN = TOKEN

        refused = httpx.get(f"{address}/metrics")
        answer = httpx.get(f"{address}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})

        assert (refused.status_code, answer.status_code) == (401, 200)
        assert "METRICS_TOKEN" in refused.text

    def test_are_nowhere_else(self, address: str) -> None:
        assert httpx.get(f"{address}/").status_code == 404


class TestPort:
    def test_is_not_opened_unless_it_is_named(self) -> None:
        assert serve_metrics(port=0, is_well=lambda: True) is None
