"""People and programs who use a stack while something happens to it, and what they complain of."""

import itertools
import json
import threading
import time
from collections.abc import Callable
from typing import Final, Self

import httpx

from tests.compose.engine import ComposeStack
from tests.e2e.chat_client import ask
from tests.e2e.stack import Api

ANSWER_TOKENS: Final = 60
ANSWER_SECONDS: Final = 4
JOIN_SECONDS: Final = 150


class Load:
    """REST over kept and new connections, chats over WebSocket, programs at the OpenAI door.

    `complaints` names every request that failed and every answer that isn't whole.
    """

    def __init__(self, stack: ComposeStack, answer: str) -> None:
        self.complaints: list[str] = []
        self.done = {"kept": 0, "new": 0, "chat": 0, "openai": 0}
        self.reconnected = 0
        self._answer = answer
        self._stack = stack
        self._over = threading.Event()
        variables = stack.variables
        self._credentials = (
            variables["BRAINSTEM_ADMIN_EMAIL"],
            variables["BRAINSTEM_ADMIN_PASSWORD"],
        )
        self._own = threading.local()
        work = [self._keep_asking, self._connect_anew, self._chat, self._chat, self._complete]
        self._threads = [threading.Thread(target=self._repeat, args=(what,)) for what in work]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)

    @property
    def _api(self) -> Api:
        """A thread's own: its connections are nobody else's."""
        if not hasattr(self._own, "api"):
            self._own.api = Api(self._stack.url, *self._credentials)
        api: Api = self._own.api
        return api

    def _repeat(self, what: Callable[[], None]) -> None:
        api = self._api
        while not self._over.is_set():
            try:
                what()
            except httpx.HTTPStatusError as error:
                self._complain(what, f"{error.response.status_code} {error.response.text}")
            except (httpx.HTTPError, AssertionError, KeyError) as error:
                self._complain(what, f"{type(error).__name__} {error}")
        api.close()

    def _complain(self, what: Callable[[], None], about: str) -> None:
        self.complaints.append(f"{time.strftime('%H:%M:%S')} {what.__name__}: {about[:500]}")
        time.sleep(1)

    def _keep_asking(self) -> None:
        """Writes and reads over one connection."""
        brain = self._api.post("brains", name="under load")["id"]
        assert self._api.get(f"brains/{brain}")["name"] == "under load"
        self._api.request("DELETE", f"brains/{brain}").raise_for_status()
        self.done["kept"] += 3
        time.sleep(0.05)

    def _connect_anew(self) -> None:
        """As a program that asks now and then."""
        headers = {"Authorization": f"Bearer {self._api.token}"}
        httpx.get(
            f"{self._stack.url}/api/v1/brains",
            headers=headers,
            verify=False,
            timeout=30,
        ).raise_for_status()
        self.done["new"] += 1
        time.sleep(0.05)

    def _chat(self) -> None:
        conversation = self._api.post("conversations")["id"]
        reading = ask(self._stack.url, self._api.token, conversation, "What does it do?")
        ends = [end["type"] for end in reading.terminals]
        assert (ends, reading.errors) == (["turn.completed"], []), (ends, reading.errors)
        assert reading.text == self._answer, reading.text
        self.done["chat"] += 1
        self.reconnected += reading.connections - 1

    def _complete(self) -> None:
        """A program's answer can't be resumed: its replica has to wait for it."""
        models = self._models()
        body = {
            "model": models[0],
            "stream": True,
            "messages": [{"role": "user", "content": "What does it do?"}],
        }
        headers = {"Authorization": f"Bearer {self._api.token}"}
        address = f"{self._stack.url}/v1/chat/completions"
        with httpx.stream(
            "POST",
            address,
            json=body,
            headers=headers,
            verify=False,
            timeout=60,
        ) as answer:
            assert answer.status_code == 200, answer.read()
            lines = [line for line in answer.iter_lines() if line.startswith("data: {")]
        choices = [json.loads(line[6:])["choices"] for line in lines]
        pieces = [choice["delta"].get("content") or "" for choice in itertools.chain(*choices)]
        assert "".join(pieces) == self._answer, pieces
        assert [*itertools.chain(*choices)][-1]["finish_reason"] == "stop"
        self.done["openai"] += 1

    def _models(self) -> list[str]:
        headers = {"Authorization": f"Bearer {self._api.token}"}
        answer = httpx.get(
            f"{self._stack.url}/v1/models",
            headers=headers,
            verify=False,
            timeout=30,
        ).raise_for_status()
        return [model["id"] for model in answer.json()["data"]]
