"""The one folder that holds everything a stack knows, and what keeps two stacks out of it."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from chatbot.embedded.errors import StartRefused

FREE_BYTES = 500 * 1024 * 1024
"""What a start needs at least; PostgreSQL stops when the disk is full."""
_FOLDERS = ("valkey", "files", "uploads", "logs", "caddy")
_PASSERS_BY = 0o711
"""Root's servers that run as somebody else must get to their folder below; nothing is listed."""
_OWNER_ONLY = 0o700
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Secrets:
    secret_key: str
    postgres_password: str
    valkey_password: str


class Home:
    """Opened by one supervisor at a time; the kernel releases it however that one ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment_file = path / "environment"
        self._lock = -1

    def open(self, *, address: str) -> None:
        """Makes the folder where it is missing and takes its lock.

        Raises:
            StartRefused: it can't be written, the disk is full, or another stack runs in it.
        """
        try:
            self._make_folders()
            self._take_lock(address)
        except OSError as error:
            raise StartRefused(
                f"{error.filename or self.path} can't be written: {error.strerror}.",
                way_out="Choose a folder of yours: make up BRAINSTEM_HOME=/path/to/folder",
            ) from error
        free = shutil.disk_usage(self.path).free
        if free < FREE_BYTES:
            raise StartRefused(
                f"The disk of {self.path} has {free // 2**20} MB left;"
                f" {FREE_BYTES // 2**20} MB are needed.",
                way_out="Free some space, or choose another disk with BRAINSTEM_HOME.",
            )

    def close(self) -> None:
        """Releases the lock. The file stays: removing it would let two stacks in."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def secrets(self, *, secret_key: str) -> Secrets:
        """The generated secrets: kept ones, or new ones in an empty home.

        `secret_key` of the environment goes before.
        """
        kept = dotenv_values(self.environment_file) if self.environment_file.exists() else {}
        if not kept and (self.path / "postgres" / "PG_VERSION").exists():
            raise StartRefused(
                f"{self.environment_file} is gone, and with it the password of the database.",
                way_out=f"Bring it back from a backup, or start anew: rm -r {self.path}",
            )
        return Secrets(
            secret_key=secret_key or _kept_or_new(kept, "SECRET_KEY"),
            postgres_password=_kept_or_new(kept, "EMBEDDED_POSTGRES_PASSWORD"),
            valkey_password=_kept_or_new(kept, "EMBEDDED_VALKEY_PASSWORD"),
        )

    def write_environment(self, variables: Mapping[str, str]) -> None:
        """Writes what `manage.py shell` and the like need; readable by the owner only."""
        lines = [f"{name}='{_escaped(value)}'\n" for name, value in sorted(variables.items())]
        temporary = self.environment_file.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.writelines(
                ["# Written at each start; set variables where you start it.\n", *lines]
            )
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.environment_file)

    def _make_folders(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True, mode=_OWNER_ONLY)
        if os.geteuid() == self.path.stat().st_uid:
            self.path.chmod(_PASSERS_BY if os.geteuid() == 0 else _OWNER_ONLY)
        for name in _FOLDERS:
            (self.path / name).mkdir(exist_ok=True, mode=_OWNER_ONLY)

    def _take_lock(self, address: str) -> None:
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(lock, 1000).decode().strip()
            os.close(lock)
            raise StartRefused(
                f"Brainstem already runs in {self.path}: {holder}.",
                way_out="Stop that one, or start a second with its own folder and port:"
                " make up BRAINSTEM_HOME=/other/folder PORT=8081",
            ) from error
        os.ftruncate(lock, 0)
        os.write(lock, f"process {os.getpid()}, {address}".encode())
        self._lock = lock


def _kept_or_new(kept: Mapping[str, str | None], name: str) -> str:
    return kept.get(name) or secrets.token_urlsafe(_SECRET_BYTES)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
