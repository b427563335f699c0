"""Our own processes as children of a test, on the test's database and Redis."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

PROJECT = Path(__file__).resolve().parents[1]
END_SECONDS = 15


def child_environment(*, settings_module: str, home: Path) -> dict[str, str]:
    """Variables that lead a child to the database that this test uses."""
    address = urlsplit(os.environ["DATABASE_URL"])
    database = urlunsplit(address._replace(path=f"/{connection.settings_dict['NAME']}"))
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": settings_module,
        "DATABASE_URL": database,
        "BRAINSTEM_HOME": str(home),
        "STORAGE_URL": f"file://{home}/files",
        "PYTHONUNBUFFERED": "1",
    }


class Child:
    """A process whose output is kept in a file."""

    def __init__(self, words: list[str], *, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *words],
                cwd=PROJECT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """As the machine would: the process alone, and without a warning."""
        self._process.kill()
        self._process.wait(END_SECONDS)

    def terminate(self) -> float:
        """Asks it to end; returns the seconds that it took."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(END_SECONDS)
        return time.monotonic() - began

    def end(self) -> None:
        if self.is_running:
            self.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def wait_for_line(self, text: str, *, seconds: float = 30) -> None:
        """Until the output holds the text."""
        wait_until(lambda: text in self.log.read_text(), seconds=seconds, what=f"{text!r}")


@contextlib.contextmanager
def child(words: list[str], *, environment: Mapping[str, str], log: Path) -> Iterator[Child]:
    """`python <words>`, gone at the end of the block."""
    process = Child(words, environment=environment, log=log)
    try:
        yield process
    finally:
        process.end()


def wait_until(is_true: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Looks a few times a second.

    Raises:
        TimeoutError: it did not become true.
    """
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} within {seconds} s")
        time.sleep(0.1)
