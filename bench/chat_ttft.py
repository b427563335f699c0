"""Time to first token: what the chat service adds to the inference server itself.

Asks the inference server directly ("bare") and through the chat service ("through"), in turns, one
question at a time, and prints the medians and their difference in milliseconds. Run it against a
running stack whose default model is served by `--inference`, at best the scripted server with a
constant delay:

    python -m tests.fakes.inference_server --port 9100 --delay-ms 20 --rate 200 --tokens 20
    python bench/chat_ttft.py --url http://127.0.0.1:8080 --inference http://127.0.0.1:9100/v1 \
        --email admin@example.com --password …

Start the stack with QUESTION_LIMIT_PER_MINUTE and REQUEST_LIMIT_PER_MINUTE far above what is asked.

The clock of both starts when the request is written and ends when the first text is read. A new
conversation is made for every question, outside the clock.
"""

import argparse
import http.client
import json
import ssl
import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import SplitResult, urlsplit

from chat_rig import QUESTION
from websockets.sync.client import ClientConnection, connect

PATIENCE_SECONDS = 30


class Api:
    """The REST API with an access token."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self._address = urlsplit(url)
        answer = self.post("/api/v1/auth/token", {"email": email, "password": password})
        self.token: str = answer["access"]

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if hasattr(self, "token"):
            headers["Authorization"] = f"Bearer {self.token}"
        connection = opened(self._address)
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        connection.close()
        if not 200 <= response.status < 300:
            raise SystemExit(f"{path}: {response.status} {answer}")
        return answer


def opened(address: SplitResult) -> http.client.HTTPConnection:
    """A new connection, over TLS if the address says so."""
    if address.scheme == "https":
        return http.client.HTTPSConnection(
            address.netloc, timeout=PATIENCE_SECONDS, context=trusting_all()
        )
    return http.client.HTTPConnection(address.netloc, timeout=PATIENCE_SECONDS)


def trusting_all() -> ssl.SSLContext:
    """For a stack whose certificate signed itself."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Bare:
    """The inference server over one kept connection, as a connector would use it."""

    def __init__(self, url: str, model: str) -> None:
        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(address.netloc, timeout=PATIENCE_SECONDS)
        self._path = f"{address.path}/chat/completions"
        messages = [{"role": "user", "content": QUESTION}]
        self._body = json.dumps({"model": model, "messages": messages, "stream": True})

    def first_token_ms(self) -> float:
        began = time.perf_counter()
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", self._path, self._body, headers)
        response = self._connection.getresponse()
        if response.status != http.client.OK:
            raise SystemExit(f"{self._path}: {response.status} {response.read()[:200]!r}")
        while not _text_of(line := response.readline()):
            if not line:
                raise SystemExit(f"{self._path}: it ended without a word")
        seconds = time.perf_counter() - began
        response.read()
        return seconds * 1000


@contextmanager
def connected(url: str, token: str) -> Iterator[ClientConnection]:
    """The chat socket, ready."""
    address = urlsplit(url)
    is_secure = address.scheme == "https"
    with connect(
        f"{'wss' if is_secure else 'ws'}://{address.netloc}/ws/chat",
        ssl=trusting_all() if is_secure else None,
        additional_headers={"Authorization": f"Bearer {token}"},
        proxy=None,
        compression=None,
    ) as socket:
        socket.recv(timeout=PATIENCE_SECONDS)
        yield socket


class Through:
    """The chat service over one WebSocket."""

    def __init__(self, socket: ClientConnection, api: Api, brain: str | None) -> None:
        self._socket = socket
        self._api = api
        self._brain = brain

    def first_token_ms(self) -> float:
        conversation = self._api.post("/api/v1/conversations", {"brain": self._brain})
        ask = {"type": "ask", "conversation": conversation["id"], "text": QUESTION}
        frame = json.dumps({**ask, "client_id": str(uuid.uuid4())})
        began = time.perf_counter()
        self._socket.send(frame)
        self._until("token")
        seconds = time.perf_counter() - began
        self._until("turn.completed")
        return seconds * 1000

    def _until(self, kind: str) -> None:
        while True:
            event = json.loads(self._socket.recv(timeout=PATIENCE_SECONDS))
            is_without_model = event.get("finish_reason") == "nothing-found"
            if is_without_model or event["type"] in {"error", "turn.failed", "turn.stopped"}:
                raise SystemExit(f"the model did not answer: {event}")
            if event["type"] == kind:
                return


def _text_of(line: bytes) -> str:
    if not line.startswith(b"data: {"):
        return ""
    choices = json.loads(line[6:]).get("choices") or [{}]
    text: str = choices[0].get("delta", {}).get("content") or ""
    return text


def measure(arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Milliseconds of each question, bare and through in turns."""
    api = Api(arguments.url, arguments.email, arguments.password)
    with connected(arguments.chat_url or arguments.url, api.token) as socket:
        ways: dict[str, Bare | Through] = {
            "bare": Bare(arguments.inference, arguments.model),
            "through": Through(socket, api, arguments.brain),
        }
        found: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(arguments.warm_up + arguments.questions):
            for name, way in ways.items():
                milliseconds = way.first_token_ms()
                if number >= arguments.warm_up:
                    found[name].append(milliseconds)
    return found


def report(found: dict[str, list[float]]) -> dict[str, Any]:
    """Median, 95th percentile and the differences, rounded to 10 microseconds."""
    figures: dict[str, Any] = {"questions": len(found["bare"])}
    for name, values in found.items():
        figures[f"{name}_median_ms"] = round(statistics.median(values), 2)
        figures[f"{name}_p95_ms"] = round(statistics.quantiles(values, n=20)[-1], 2)
    added = [through - bare for bare, through in zip(found["bare"], found["through"], strict=True)]
    figures["overhead_median_ms"] = round(statistics.median(added), 2)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", required=True, help="front door, http://host:port")
    parser.add_argument("--chat-url", default="", help="the chat service itself, if not by --url")
    parser.add_argument("--inference", required=True, help="the inference server, with /v1")
    parser.add_argument("--model", default="scripted", help="the model's name there")
    parser.add_argument("--email", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--brain", default=None, help="id of a brain to ask about")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--warm-up", type=int, default=20)
    figures = report(measure(parser.parse_args()))
    print(f"{'':10}{'median':>10}{'p95':>10}   ms to the first token")
    for name in ("bare", "through"):
        print(f"{name:10}{figures[f'{name}_median_ms']:10.2f}{figures[f'{name}_p95_ms']:10.2f}")
    print(f"{'overhead':10}{figures['overhead_median_ms']:10.2f}")
    print(json.dumps({"bench": "chat_ttft", **figures}))


if __name__ == "__main__":
    main()
