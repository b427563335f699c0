"""Drives `docker compose` on this host, for the programs beside it. Standard library only."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[1]
COMMAND_SECONDS: Final = 120


class Failed(Exception):
    """What went wrong, and what to do."""


class Stack:
    """`docker compose` on one project, with the version that it is to start.

    Args:
        env: the file of variables, which also keeps the versions.
        project: a name instead of the one in compose.yaml.
    """

    def __init__(self, *, env: Path, project: str) -> None:
        self._env = env
        self._own = [
            "--profile",
            "canary",
            "--env-file",
            str(env),
            *(["--project-name", project] if project else []),
        ]

    def compose(self, *words: str, version: str = "", seconds: float = COMMAND_SECONDS) -> str:
        """The output; raises Failed with the last lines of its errors."""
        given = {"BRAINSTEM_VERSION": version} if version else {}
        return run("docker", "compose", *self._own, *words, seconds=seconds, given=given)

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "--quiet", service).split()

    def value(self, name: str) -> str:
        lines = self._env.read_text().splitlines()
        found = [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]
        return found[-1] if found else ""

    def remember(self, **values: str) -> None:
        """Writes variables to the file; as a whole or not at all."""
        text = self._env.read_text()
        lines = [line for line in text.splitlines() if line.partition("=")[0] not in values]
        lines += [f"{name}={value}" for name, value in values.items()]
        new = self._env.with_name(f"{self._env.name}.new")
        new.touch(mode=0o600)
        new.write_text("\n".join([*lines, ""]))
        new.replace(self._env)

    def replicas(self, *words: str) -> str:
        """Nginx's list of those that serve."""
        return self.compose("exec", "-T", "nginx", "replicas", *words)


def run(*words: str, seconds: float = COMMAND_SECONDS, given: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            words,
            cwd=PROJECT,
            env={**os.environ, **(given or {})},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"`{' '.join(words)}` took longer than {seconds:.0f} s.") from error
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-10:])
        raise Failed(f"`{' '.join(words)}` failed:\n{said}")
    return done.stdout


def say(sentence: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {sentence}\n")
    sys.stdout.flush()


def wait_until(what: str, is_so: Callable[[], bool], *, seconds: float) -> None:
    """Raises Failed if it isn't so in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise Failed(f"Not within {seconds:.0f} s: {what}.")
        time.sleep(0.5)
