"""Real PostgreSQL and Valkey for a test run, from the same wheels as `make up`."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from chatbot.embedded import postgres, valkey

START_SECONDS = 30
_LOCKS: list[IO[str]] = []
PASSWORD = "tests"  # noqa: S105 - a server of the test run on the loopback interface


def free_port() -> int:
    """A port below the ephemeral range that no other process of a test run of ours is given.

    It stays this process's by a locked file: between looking and listening another worker would
    else find it free, too.
    """
    folder = Path(tempfile.gettempdir()) / f"brainstem-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for port in range(20000 + os.getpid() % 5000, 32000):
        lock = (folder / str(port)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _LOCKS.append(lock)
        return port
    raise OSError("no free port")


@contextlib.contextmanager
def running(
    command: list[str], *, port: int, stop_signal: int, host: str = "127.0.0.1"
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that answers on its port; it is stopped, and waited for, at the end."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    output.seek(0)
                    raise RuntimeError(f"{command} did not start: {output.read().decode()}")
                time.sleep(0.05)
            yield process
        finally:
            process.send_signal(stop_signal)
            process.wait(START_SECONDS)


@contextlib.contextmanager
def postgres_and_valkey() -> Iterator[dict[str, str]]:
    """Both servers; yields the environment variables that name them."""
    folder = Path(tempfile.mkdtemp(prefix="brainstem-tests-"))
    folder.chmod(0o755)
    postgres.initialise(folder=folder / "postgres", password=PASSWORD)
    (folder / "valkey").mkdir()
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        ports = {}
        for name, module, stop_signal in (
            ("postgres", postgres, signal.SIGINT),
            ("valkey", valkey, signal.SIGTERM),
        ):
            port = ports[name] = free_port()
            command = module.command(folder=folder / name, port=port)
            stack.enter_context(running(command, port=port, stop_signal=stop_signal))
        yield {
            "BRAINSTEM_HOME": str(folder / "home"),
            "DATABASE_URL": (
                f"postgresql://brainstem:{PASSWORD}@127.0.0.1:{ports['postgres']}/postgres"
            ),
            "REDIS_URL": f"redis://127.0.0.1:{ports['valkey']}/0",
        }
