"""Calls of the OpenAI-compatible door with a plain HTTP client."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chatbot.accounts.models import User
from chatbot.accounts.services.tokens import issue_tokens
from tests.chat_service.processes import ChatProcess

PATIENCE_SECONDS = 20
Json = dict[str, Any]


@dataclass
class Streamed:
    """A streamed completion as a client puts it together."""

    chunks: list[Json] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    is_done: bool = False

    @property
    def text(self) -> str:
        return "".join(self._pieces("content"))

    @property
    def reasoning(self) -> str:
        return "".join(self._pieces("reasoning_content"))

    @property
    def reasons(self) -> list[str]:
        return [choice["finish_reason"] for choice in self._choices() if choice["finish_reason"]]

    @property
    def id(self) -> str:
        [only] = {chunk["id"] for chunk in self.chunks}
        return str(only)

    @property
    def error(self) -> Json:
        found: Json = self.chunks[-1]["error"]
        return found

    def _choices(self) -> list[Json]:
        return [choice for chunk in self.chunks for choice in chunk.get("choices", ())]

    def _pieces(self, name: str) -> list[str]:
        return [choice["delta"].get(name) or "" for choice in self._choices()]


class OpenAICaller:
    """Somebody with a token."""

    def __init__(self, chat: ChatProcess, user: User | None, *, token: str = "") -> None:
        self._chat = chat
        self.headers = {"Content-Type": "application/json"}
        if user is not None:
            token = issue_tokens(user=user).access
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    @contextmanager
    def response(
        self, method: str, address: str, body: object = None, **headers: str
    ) -> Iterator[http.client.HTTPResponse]:
        """The response; the connection is cut at the end."""
        connection = http.client.HTTPConnection("127.0.0.1", self._chat.port, timeout=20)
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, f"/v1/{address}", body=sent, headers=self.headers | named)
            yield connection.getresponse()
        finally:
            connection.close()

    def call(
        self, method: str, address: str, body: object = None, **headers: str
    ) -> tuple[int, Json]:
        """Status and JSON of an answer."""
        with self.response(method, address, body, **headers) as response:
            return response.status, json.load(response)

    def ask(self, text: str = "What?", **fields: object) -> Json:
        """A whole completion."""
        status, body = self.call("POST", "chat/completions", request(text, **fields))
        assert status == 200, body
        return body

    def stream(self, text: str = "What?", **fields: object) -> Streamed:
        """A streamed completion to its end."""
        body = request(text, stream=True, **fields)
        with self.response("POST", "chat/completions", body) as response:
            assert response.status == 200, response.read()
            return streamed(response)

    def resume(self, completion: str, query: str = "", **headers: str) -> Streamed:
        address = f"chat/completions/{completion}?stream=true{query}"
        with self.response("GET", address, **headers) as response:
            assert response.status == 200, response.read()
            return streamed(response)


def request(text: str = "What?", **fields: object) -> Json:
    return {
        "model": "Scripted",
        "messages": [{"role": "user", "content": text}],
        **fields,
    }


def streamed(response: http.client.HTTPResponse, count: int | None = None) -> Streamed:
    """Reads to the end of the response, or so many chunks."""
    found = Streamed()
    for line in response:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name == "id":
            found.seqs.append(int(value))
        elif name == "data" and value == "[DONE]":
            found.is_done = True
        elif name == "data":
            found.chunks.append(json.loads(value))
        if len(found.chunks) == count:
            break
    return found
