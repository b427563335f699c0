"""Real model servers as children of a test, and what they say about themselves."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from chatbot.embedded import weights
from chatbot.embedded.chat_model import ANSWERS_AT_ONCE, CONTEXT_TOKENS
from chatbot.inference.connectors.openai import OpenAIChat
from chatbot.inference.connectors.protocol import ChatRequest, EndpointConfig
from tests.servers import free_port

MODEL: Final = weights.NAME
LOOK_SECONDS: Final = 0.02


@dataclass
class ModelServer:
    """A server that can be killed: whoever needs it next has it started again."""

    command: list[str]
    """With `{port}` in one of its words."""
    log: Path
    running: re.Pattern[str]
    """The answers that it writes at this moment, on its page of figures."""
    slots: int
    context_tokens: int
    start_seconds: float
    variables: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.address}/v1"

    @property
    def endpoint(self) -> EndpointConfig:
        return EndpointConfig(self.base_url, MODEL)

    def chat(self, **options: object) -> OpenAIChat:
        """A connector that has asked the server nothing yet."""
        return OpenAIChat(EndpointConfig(self.base_url, MODEL, options=options))

    def ensure_running(self) -> None:
        if self._process is None or self._process.poll() is not None:
            self._start()

    def kill(self) -> None:
        """As the machine would: all its processes, and without a warning."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)

    def kill_engine(self) -> None:
        """The process that computes, where that isn't the one that answers requests."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children(recursive=True)
        next(child for child in children if "EngineCore" in " ".join(child.cmdline())).kill()

    def answers_at_work(self) -> int:
        """How many answers it writes at this moment, in its own words."""
        page = httpx.get(f"{self.address}/metrics", timeout=10, trust_env=False).text
        return round(sum(map(float, self.running.findall(page))))

    def seconds_until_idle(self, *, patience: float = 10) -> float:
        """How long it takes from now until nothing runs."""
        began = time.monotonic()
        while self.answers_at_work():
            assert time.monotonic() - began < patience, "the server goes on writing"
            time.sleep(LOOK_SECONDS)
        return time.monotonic() - began

    def _start(self) -> None:
        command = [word.format(port=self.port) for word in self.command]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **self.variables},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + self.start_seconds
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"did not start: {self.log.read_text()[-4000:]}")
            time.sleep(0.2)

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.address}/health", timeout=5, trust_env=False).is_success
        return False


@contextlib.contextmanager
def llama_cpp(folder: Path) -> Iterator[ModelServer]:
    """The embedded stack's chat model."""
    server = ModelServer(
        [sys.executable, "-m", "chatbot.embedded.chat_model", "--port", "{port}"],
        log=folder / "llama.cpp.log",
        running=re.compile(r"^llamacpp:requests_processing (\S+)", re.MULTILINE),
        slots=ANSWERS_AT_ONCE,
        context_tokens=CONTEXT_TOKENS,
        start_seconds=60,
    )
    with stopped_at_the_end(server):
        yield server


@contextlib.contextmanager
def stopped_at_the_end(server: ModelServer) -> Iterator[None]:
    try:
        yield
    finally:
        server.kill()


def ask(text: str, *, max_tokens: int = 60, **fields: Any) -> ChatRequest:  # noqa: ANN401 - of the request
    return ChatRequest(
        model=MODEL,
        messages=[{"role": "user", "content": text}],
        max_tokens=max_tokens,
        **{"temperature": 0.0, **fields},
    )
