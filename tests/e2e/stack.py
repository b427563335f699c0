"""The whole stack as `make up` starts it, and a client of its API that is not ours."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS = 120
STOP_SECONDS = 15
ADMIN_EMAIL = "admin@example.org"
ADMIN_PASSWORD = "correct horse battery"  # noqa: S105 - of a stack that lives for one test
_MARKS = {
    "chat_service": "chat_service.asgi",
    "chatbot": "chatbot.wsgi",
    "ingest_worker": "ingest_worker.app",
    "ocr_worker": "ocr_worker.app",
    "postgres": "bin/postgres",
    "scheduler": "scheduler",
    "valkey": "valkey-server",
}
"""What the command line of a process holds."""


class Stack:
    """`manage.py up` in a home of its own.

    Args:
        home: its folder; empty for a first start.
        port: of the front door.
        variables: more of the environment, such as INFERENCE_URL.
    """

    def __init__(self, home: Path, port: int, **variables: str) -> None:
        self.home = home
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.lines: list[str] = []
        self._variables = variables
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> float:
        """Starts and waits until every process is healthy; returns the seconds it took."""
        began = time.monotonic()
        left_out = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY"}
        environment = {key: value for key, value in os.environ.items() if key not in left_out}
        environment |= {
            "BRAINSTEM_HOME": str(self.home),
            "PORT": str(self.port),
            "BRAINSTEM_ADMIN_EMAIL": ADMIN_EMAIL,
            "BRAINSTEM_ADMIN_PASSWORD": ADMIN_PASSWORD,
            **self._variables,
        }
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        ready: queue.Queue[bool] = queue.Queue()
        threading.Thread(target=self._read, args=(self._process, ready), daemon=True).start()
        is_ready = False
        try:
            with contextlib.suppress(queue.Empty):
                is_ready = ready.get(timeout=START_SECONDS)
        finally:
            # Also when whoever waits is ended meanwhile.
            if not is_ready:
                self.stop()
        if is_ready:
            return time.monotonic() - began
        raise RuntimeError("the stack did not start:\n" + "\n".join(self.lines[-60:]))

    def stop(self) -> float:
        """Stops as Ctrl-C does; returns the seconds it took."""
        began = time.monotonic()
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
        return time.monotonic() - began

    def kill(self, name: str) -> int:
        """SIGKILL to a process of the stack; returns the pid that it had."""
        victim = self.process(name)
        victim.kill()
        return victim.pid

    def supervisor(self) -> psutil.Process:
        """`manage.py up` itself."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def processes(self) -> list[psutil.Process]:
        """Everything that the stack has started."""
        return self.supervisor().children(recursive=True)

    def process(self, name: str) -> psutil.Process:
        """The oldest process of the stack with that name."""
        marked = [child for child in self.processes() if _is_marked(child, _MARKS[name])]
        return min(marked, key=lambda child: child.create_time())

    def _read(self, process: subprocess.Popen[str], ready: "queue.Queue[bool]") -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.lines.append(line.rstrip())
                if "ready: http" in line:
                    ready.put(True)  # noqa: FBT003 - a queue takes its item by position
        ready.put(False)  # noqa: FBT003 - a queue takes its item by position


class Api:
    """REST with an access token that is renewed before it ends."""

    def __init__(self, url: str, email: str = ADMIN_EMAIL, password: str = ADMIN_PASSWORD) -> None:
        # A stack of containers has a certificate that signed itself.
        self._client = httpx.Client(base_url=f"{url}/api/v1/", timeout=30, verify=False)
        self._credentials = {"email": email, "password": password}
        self._token, self._token_until = "", 0.0

    @property
    def token(self) -> str:
        if time.monotonic() > self._token_until:
            answer = self._client.post("auth/token", json=self._credentials)
            answer.raise_for_status()
            self._token = answer.json()["access"]
            self._token_until = time.monotonic() + 300
        return self._token

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        headers = {"Authorization": f"Bearer {self.token}"}
        return self._client.request(method, path, headers=headers, **arguments)

    def get(self, path: str) -> Any:  # noqa: ANN401 - decoded JSON
        return self.request("GET", path).raise_for_status().json()

    def post(self, path: str, **body: object) -> Any:  # noqa: ANN401 - decoded JSON
        return self.request("POST", path, json=body).raise_for_status().json()

    def upload(self, brain: str, path: Path) -> Any:  # noqa: ANN401 - decoded JSON
        with path.open("rb") as file:
            files = {"file": (path.name, file)}
            answer = self.request("POST", f"brains/{brain}/documents", files=files)
        return answer.raise_for_status().json()

    def close(self) -> None:
        self._client.close()


@contextlib.contextmanager
def signed_in(stack: Stack) -> Iterator[Api]:
    api = Api(stack.url)
    try:
        yield api
    finally:
        api.close()


def wait_until(what: str, condition: Any, *, seconds: float = 60) -> Any:  # noqa: ANN401 - whatever the condition gives
    """The condition's first true value; it may fail to connect meanwhile."""
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError, psutil.Error, ValueError):
            last = condition()
            if last:
                return last
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s: {what}; last: {last}")


def _is_marked(process: psutil.Process, mark: str) -> bool:
    with contextlib.suppress(psutil.Error):
        return mark in " ".join(process.cmdline())
    return False
