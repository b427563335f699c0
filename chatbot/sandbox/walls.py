"""The walls around a child: which there are, how it puts them up, which of them this kernel has.

`python -m chatbot.sandbox.walls` puts up all of them around itself and prints as JSON what is
missing, by wall.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Final

from chatbot.sandbox import kernel, landlock, seccomp

_PROJECT: Final = Path(__file__).resolve().parents[2]
_PROBE_SECONDS: Final = 30.0
_LATEST_ABI_WITH_A_USE: Final = 6

_SYSTEM: Final = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"),
    # Encodings, languages and time zones of the C library; fonts that a PDF names but lacks.
    *("/usr/share/locale", "/usr/share/i18n", "/usr/share/zoneinfo", "/etc/localtime"),
    *("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/mime", "/etc/mime.types"),
    # Libraries count cores and memory; a process may look at itself.
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu"),
    *("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"),
)


class Wall(StrEnum):
    NAMESPACES = "namespaces"
    """No network and no shared memory of others, by namespaces of its own."""
    CAPABILITIES = "capabilities"
    """No privilege of root."""
    LANDLOCK = "landlock"
    """No file but the one that is read; no TCP, no signals, no abstract sockets."""
    SECCOMP = "seccomp"
    """No system call for network, other programs, or changes of files."""


ALL: Final = frozenset(Wall)


def readable_paths(module: str) -> list[Path]:
    """What a child may read beside its file: Python, the code that `module` belongs to, libraries.

    Never the project's folder as a whole: the stack's secrets and files may stand in it.
    """
    code = [_PROJECT / package for package in ("chatbot", module.partition(".")[0])]
    python = [Path(prefix) / "lib" for prefix in (sys.prefix, sys.base_prefix)]
    installed = [Path(entry) for entry in sys.path if entry and Path(entry) != _PROJECT]
    return [*code, *python, *installed, *map(Path, _SYSTEM)]


def put_up(
    walls: Iterable[Wall], *, readable: Iterable[Path], descriptors: Iterable[int]
) -> dict[Wall, str]:
    """Puts up those of the walls that the kernel has; returns why others don't stand.

    The order matters: each takes away what putting up an earlier one needs.
    """
    builders = {
        Wall.NAMESPACES: _leave_namespaces,
        Wall.CAPABILITIES: kernel.drop_capabilities,
        Wall.LANDLOCK: lambda: _lock_files(readable, descriptors),
        Wall.SECCOMP: seccomp.install,
    }
    missing: dict[Wall, str] = {}
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    for wall in Wall:
        if wall in frozenset(walls):
            try:
                builders[wall]()
            except OSError as error:
                missing[wall] = error.strerror or type(error).__name__
    return missing


def missing_walls() -> dict[str, str]:
    """Which walls don't stand on this machine, and what the kernel says; empty: all do."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            cwd=_PROJECT,
            env={"PATH": os.defpath, "PYTHONPATH": str(_PROJECT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        return dict.fromkeys(Wall, f"unknown, the probe failed ({type(error).__name__})")
    missing: dict[str, str] = json.loads(done.stdout)
    return missing


def _leave_namespaces() -> None:
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC)


def _lock_files(readable: Iterable[Path], descriptors: Iterable[int]) -> None:
    version = min(landlock.abi(), _LATEST_ABI_WITH_A_USE)
    landlock.restrict(readable=readable, descriptors=descriptors, version=version)


def _probe() -> dict[str, str]:
    missing = {str(k): why for k, why in put_up(ALL, readable=[], descriptors=[]).items()}
    version = landlock.abi()
    if Wall.LANDLOCK not in missing and version < _LATEST_ABI_WITH_A_USE:
        missing[Wall.LANDLOCK] = f"only files, not all of the rest: the kernel has ABI {version}"
    return missing


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(_probe()))
