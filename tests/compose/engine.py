"""A Docker Engine's command line, and the stack of compose.yaml under a name of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from dotenv import dotenv_values

PROJECT = Path(__file__).resolve().parents[2]
VERSION = "test"
BUILD_SECONDS = 1800
UP_SECONDS = 300
COMMAND_SECONDS = 120
_KEPT = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT")


def environment() -> dict[str, str]:
    """Of programs that drive the engine: what tests set would go before what .env says."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def docker(*words: str, seconds: float = COMMAND_SECONDS) -> str:
    """The output of a command of `docker`; fails with what it said."""
    done = subprocess.run(
        ["docker", *words],
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, (
        f"docker {' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    )
    return done.stdout


def inspected(name: str) -> Any:  # noqa: ANN401 - decoded JSON
    """What the engine knows of an image or a container."""
    [found] = json.loads(docker("inspect", name))
    return found


def host_address() -> str:
    """The address of this machine that containers reach as `host.docker.internal`."""
    [network] = json.loads(docker("network", "inspect", "bridge"))
    gateway: str = network["IPAM"]["Config"][0]["Gateway"]
    return gateway


class ComposeStack:
    """`docker compose` with an .env of its own.

    Args:
        folder: where the .env is written.
        name: of the compose project; two stacks of one name are one.
        variables: instead of what .env.example says.
    """

    def __init__(self, folder: Path, name: str, **variables: str) -> None:
        self.name = name
        self._env = folder / ".env"
        subprocess.run(
            [sys.executable, "compose/make_env.py", str(self._env)],
            cwd=PROJECT,
            check=True,
            capture_output=True,
        )
        kept = {key: value or "" for key, value in dotenv_values(self._env).items()}
        self.variables = kept | {"BRAINSTEM_VERSION": VERSION, **variables}
        self._env.write_text("".join(f"{key}={value}\n" for key, value in self.variables.items()))

    @property
    def url(self) -> str:
        return self.variables["PUBLIC_URL"]

    def __enter__(self) -> Self:
        self.down()
        self.compose("up", "--wait", seconds=UP_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def compose(self, *words: str, seconds: float = COMMAND_SECONDS) -> str:
        """The output of a command of `docker compose`."""
        own = ("--project-name", self.name, "--env-file", str(self._env))
        return docker("compose", *own, *words, seconds=seconds)

    @property
    def env(self) -> Path:
        return self._env

    def down(self) -> None:
        """Volumes go, too."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "10")

    def containers(self, service: str) -> list[str]:
        """Names of its running containers."""
        found = self.compose("ps", "--format", "{{.Name}}", service)
        return sorted(found.split())
