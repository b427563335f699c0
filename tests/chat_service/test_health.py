"""What probes are told is true."""

import http.client
import json
import os
import signal
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.chat_service.processes import ChatProcess, running_chat_process
from tests.child_processes import wait_until
from tests.fakes.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)
ANSWER_SECONDS = 5
"""Probes are told within their patience, two seconds, and what a busy machine adds."""


def probe(chat: ChatProcess, name: str) -> tuple[int, dict[str, Any]]:
    """Status and body of /stream/<name>."""
    try:
        with urllib.request.urlopen(f"{chat.http}/stream/{name}", timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - our own
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


class TestHealthz:
    def test_tells_how_late_the_loop_is(self, chat: ChatProcess) -> None:
        status, body = probe(chat, "healthz")

        assert (status, body["status"]) == (200, "ok")
        assert 0 <= body["loop_lag_ms"] < 5000

    def test_is_silent_while_the_process_is_held_up_and_tells_it_after(
        self, other_chat: ChatProcess
    ) -> None:
        pid, port = other_chat.process.pid, other_chat.port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.5)
        os.kill(pid, signal.SIGSTOP)
        try:
            connection.request("GET", "/stream/healthz")
            with pytest.raises(TimeoutError):
                connection.getresponse()
        finally:
            os.kill(pid, signal.SIGCONT)
            connection.close()

        assert probe(other_chat, "healthz")[1]["loop_lag_ms"] >= 1000


class TestReadyz:
    def test_is_ready_with_everything(self, chat: ChatProcess) -> None:
        body = {"status": "ready", "postgres": "ok", "redis": "ok"}

        assert probe(chat, "readyz") == (200, body)

    @pytest.mark.usefixtures("model")
    @pytest.mark.parametrize("harm", ["cut", "freeze"])
    def test_is_unavailable_without_postgres_and_ready_again_with_it(
        self, harm: str, postgres_proxy: Proxy
    ) -> None:
        heal = {"cut": postgres_proxy.restore, "freeze": postgres_proxy.thaw}[harm]
        with running_chat_process(DATABASE_URL=postgres_proxy.url) as chat:
            getattr(postgres_proxy, harm)()
            without = probe(chat, "readyz")
            alive = probe(chat, "healthz")[0]
            heal()
            wait_until(chat.is_ready, seconds=20, what="readiness")

        assert without == (503, {"status": "unavailable", "postgres": "away", "redis": "ok"})
        assert alive == 200

    @pytest.mark.usefixtures("model")
    @pytest.mark.parametrize("harm", ["cut", "freeze"])
    def test_is_degraded_without_redis(self, harm: str, redis_proxy: Proxy) -> None:
        with running_chat_process(REDIS_URL=redis_proxy.url) as chat:
            getattr(redis_proxy, harm)()
            without = probe(chat, "readyz")

        assert without == (200, {"status": "degraded", "postgres": "ok", "redis": "away"})

    def test_tells_nobody_to_come_while_it_ends(self, other_chat: ChatProcess) -> None:
        other_chat.process.terminate()

        with pytest.raises(urllib.error.URLError, match="refused"):
            probe(other_chat, "readyz")
