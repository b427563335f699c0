"""Chat processes as the supervisor starts them, on the database of the test run."""

import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.child_processes import Child, child, child_environment, wait_until
from tests.servers import free_port

START_SECONDS = 30
UVICORN_OPTIONS = [
    *("--http", "chat_service.http_protocol:HttpProtocol"),
    *("--ws", "websockets-sansio"),
    *("--ws-max-size", "65536"),
    *("--ws-ping-interval", "10"),
    *("--ws-ping-timeout", "15"),
    *("--ws-per-message-deflate", "false"),
    *("--timeout-graceful-shutdown", "5"),
    *("--log-level", "warning"),
    "--no-access-log",
]


@dataclass(frozen=True)
class ChatProcess:
    """One replica."""

    port: int
    process: Child
    host: str = "127.0.0.1"

    @property
    def http(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def websocket(self) -> str:
        return f"ws://{self.host}:{self.port}/ws/chat"

    def is_ready(self) -> bool:
        if not self.process.is_running:
            raise RuntimeError(f"did not start: {self.process.log.read_text()}")
        try:
            with urllib.request.urlopen(f"{self.http}/stream/readyz", timeout=2):  # noqa: S310 - ours
                return True
        except (urllib.error.URLError, OSError):
            return False


@contextmanager
def running_chat_process(
    *, starter: str = "uvicorn", host: str = "127.0.0.1", **variables: str
) -> Iterator[ChatProcess]:
    """A replica that is ready; gone at the end. `starter`: a module that starts uvicorn."""
    port = free_port()
    words = ["-m", starter, "chat_service.asgi:application"]
    words += ["--host", host, "--port", str(port), *UVICORN_OPTIONS]
    with tempfile.TemporaryDirectory(prefix="brainstem-chat-") as folder:
        home = Path(folder)
        environment = {
            **child_environment(settings_module="chat_service.settings", home=home),
            "QUESTION_LIMIT_PER_MINUTE": "10000",
            **variables,
        }
        with child(words, environment=environment, log=home / "log") as process:
            chat = ChatProcess(port, process)
            wait_until(chat.is_ready, seconds=START_SECONDS, what="chat process")
            yield chat
