"""The chat model that comes along: real weights, real server."""

import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from chatbot.embedded import weights
from tests.servers import free_port, running

AT_ONCE_SECONDS = 5


@pytest.fixture(scope="module")
def server() -> Iterator[httpx.Client]:
    port = free_port()
    command = [sys.executable, "-m", "chatbot.embedded.chat_model", "--port", str(port)]
    with (
        running(command, port=port, stop_signal=15),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        deadline = time.monotonic() + 60
        while client.get("/health").is_error and time.monotonic() < deadline:
            time.sleep(0.1)
        yield client


class TestChatModel:
    def test_names_itself(self, server: httpx.Client) -> None:
        assert [one["id"] for one in server.get("/v1/models").json()["data"]] == [weights.NAME]

    def test_answers(self, server: httpx.Client) -> None:
        body = {
            "messages": [{"role": "user", "content": "What is the capital city of Japan?"}],
            "max_tokens": 12,
            "temperature": 0,
        }

        answer = server.post("/v1/chat/completions", json=body).json()

        assert "Tokyo" in answer["choices"][0]["message"]["content"]
        assert answer["usage"]["completion_tokens"] > 0

    def test_ends_at_once_even_in_the_middle_of_an_answer(self) -> None:
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "chatbot.embedded.chat_model", "--port", str(port)],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        body = {"messages": [{"role": "user", "content": "Count."}], "stream": True}
        address = f"http://127.0.0.1:{port}/v1/chat/completions"
        with process, httpx.stream("POST", address, json=body, timeout=60) as got:
            next(got.iter_raw())

            began = time.monotonic()
            process.terminate()
            code = process.wait(10)
            seconds = time.monotonic() - began

        assert code == 0
        assert seconds < AT_ONCE_SECONDS
