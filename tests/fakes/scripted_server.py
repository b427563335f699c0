"""The scripted inference server as its own process, and the handle that tests hold it by."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.servers import free_port, running

if TYPE_CHECKING:
    import subprocess

END_SECONDS = 10


class ScriptedServer:
    """A running scripted server: set its script, read what it saw."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", *, port: int, host: str = "127.0.0.1"
    ) -> None:
        self._process = process
        self.address = f"http://{host}:{port}"
        self.base_url = f"{self.address}/v1"
        self._client = httpx.Client(base_url=self.address, timeout=10)

    def address_for(self, protocol: str) -> str:
        """Without a path; gRPC has a port of its own."""
        if protocol != "kserve-grpc":
            return self.address
        return f"grpc://127.0.0.1:{self._client.post('/grpc').json()['port']}"

    def script(self, **fields: object) -> None:
        """What happens to requests from now on; fields of `tests.fakes.script.Script`."""
        self._client.post("/script", json=fields).raise_for_status()

    def reset(self) -> None:
        """Back to the script of the command line; forgets what it saw."""
        self._client.post("/reset").raise_for_status()

    def stats(self) -> dict[str, int]:
        answer: dict[str, int] = self._client.get("/stats").json()
        return answer

    def requests(self) -> list[dict[str, Any]]:
        """Bodies of the last chat requests, oldest first."""
        answer: list[dict[str, Any]] = self._client.get("/requests").json()
        return answer

    def hang_ups(self) -> dict[str, float]:
        """When clients went away before the end, by what they had asked; monotonic seconds."""
        answer: dict[str, float] = self._client.get("/hang-ups").json()
        return answer

    def kill(self) -> None:
        """As the machine would: in the middle of a word."""
        self._process.kill()
        self._process.wait(END_SECONDS)

    def close(self) -> None:
        self._client.close()


@contextlib.contextmanager
def running_scripted_server(
    *arguments: str, port: int | None = None, host: str = "127.0.0.1"
) -> Iterator[ScriptedServer]:
    """Starts the server, on a free port if none is given, with arguments of its command line."""
    port = port or free_port()
    module = "tests.fakes.inference_server"
    command = [sys.executable, "-m", module, "--host", host, "--port", str(port), *arguments]
    with (
        running(command, host=host, port=port, stop_signal=signal.SIGTERM) as process,
        contextlib.closing(ScriptedServer(process, port=port, host=host)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def scripted_process() -> Iterator[ScriptedServer]:
    with running_scripted_server() as server:
        yield server


@pytest.fixture
def scripted_server(scripted_process: ScriptedServer) -> ScriptedServer:
    """A scripted inference server that has seen nothing and answers at once."""
    scripted_process.reset()
    return scripted_process
